// Runs the command line in this process against a fake coordinator, and keeps what it wrote.
import { setTimeout as delay } from 'node:timers/promises';
import { CoordinatorClient } from '@stillpoint/coordinator';
import type { InterruptSignal } from '../errors.ts';
import type { CliIo, Output } from '../io.ts';
import { runCli } from '../run-cli.ts';
import { atMs, type FakeCoordinator } from './fake-coordinator.ts';

export interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface Running {
  readonly done: Promise<Run>;
  /** What was written up to now. */
  out(): string;
  err(): string;
  interrupt(signal?: InterruptSignal): void;
  /** Exit codes of those who left at once. */
  readonly left: readonly number[];
}

export interface RunOptions extends Partial<
  Omit<CliIo, 'argv' | 'stdout' | 'stderr' | 'onInterrupt' | 'exitNow'>
> {
  /** Width of stdout, which is a terminal then. */
  readonly terminalColumns?: number;
}

class Collected implements Output {
  text = '';
  readonly isTTY: boolean;
  readonly columns: number;
  readonly #decoder = new TextDecoder();

  constructor(columns = 0) {
    this.isTTY = columns > 0;
    this.columns = columns;
  }

  write(text: string | Uint8Array): void {
    this.text += typeof text === 'string' ? text : this.#decoder.decode(text, { stream: true });
  }
}

/** @param line the command line; words are separated by single spaces */
export function start(
  fake: FakeCoordinator | undefined,
  line: string | readonly string[],
  options: RunOptions = {},
): Running {
  const { terminalColumns, ...more } = options;
  const stdout = new Collected(terminalColumns);
  const stderr = new Collected();
  const left: number[] = [];
  let listener: ((signal: InterruptSignal) => void) | undefined;
  const client = (): CoordinatorClient => {
    if (fake === undefined) throw new Error('nobody expected a coordinator to be asked');
    return new CoordinatorClient(fake.socketPath);
  };
  const io: CliIo = {
    argv: typeof line === 'string' ? line.split(' ').filter(Boolean) : line,
    env: { LANG: 'C.UTF-8', PATH: '/usr/bin:/bin' },
    cwd: '/',
    isRoot: true,
    stdout,
    stderr,
    now: () => atMs + 200_000,
    connect: () => Promise.resolve().then(client),
    connectIfRunning: () => Promise.resolve().then(client),
    onInterrupt: (heard) => {
      listener = heard;
      return () => (listener = undefined);
    },
    exitNow: (code) => void left.push(code),
    ...more,
  };
  return {
    done: runCli(io).then((code) => ({ code, out: stdout.text, err: stderr.text })),
    out: () => stdout.text,
    err: () => stderr.text,
    interrupt: (signal = 'SIGINT') => listener?.(signal),
    left,
  };
}

export const stillpoint = (
  fake: FakeCoordinator | undefined,
  line: string | readonly string[],
  options?: RunOptions,
): Promise<Run> => start(fake, line, options).done;

/** Waits for a condition. @throws after five seconds */
export async function until(look: () => boolean, what: string): Promise<void> {
  const end = performance.now() + 5_000;
  while (!look()) {
    if (performance.now() > end) throw new Error(`not within 5 s: ${what}`);
    await delay(5);
  }
}
