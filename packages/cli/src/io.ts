// All of the outside that the command line touches, so that tests can stand in for it.
import type { CoordinatorClient } from '@stillpoint/coordinator';
import type { InterruptSignal } from './errors.ts';

/** A standard stream. A pipe whose reader is slow takes what is written later: whoever writes much waits for it. */
export interface Output {
  write(text: string | Uint8Array): unknown;
  readonly writableNeedDrain?: boolean;
  once?(event: 'drain', listener: () => void): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

export interface CliIo {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  readonly isRoot: boolean;
  readonly stdout: Output;
  readonly stderr: Output;
  now(): number;
  /** Finds the coordinator of a state folder, or starts one. */
  connect(home: string, signal: AbortSignal): Promise<CoordinatorClient>;
  /** The coordinator's client, where a state folder is; nothing is made and nothing is started. */
  connectIfRunning(home: string): Promise<CoordinatorClient | undefined>;
  /** Calls the listener at each signal, until the returned function is called. */
  onInterrupt(listener: (signal: InterruptSignal) => void): () => void;
  /** Ends the process at once. */
  exitNow(code: number): void;
}

/** Resolves once a stream takes more, or the signal ends the wait. */
export async function drained(output: Output, signal: AbortSignal): Promise<void> {
  if (output.writableNeedDrain !== true || signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const goOn = (): void => resolve();
  output.once?.('drain', goOn);
  signal.addEventListener('abort', goOn);
  await promise;
  signal.removeEventListener('abort', goOn);
}
