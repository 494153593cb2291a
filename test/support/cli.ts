// The real command line as a child process.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(new URL('../../packages/cli/src/main.ts', import.meta.url));
const deadlineMs = 180_000;

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CliOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
}

/** A command under way: it can be interrupted, and it can be waited for. */
export interface CliProcess {
  readonly pid: number;
  /** What it has said so far. */
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly signal: (name: NodeJS.Signals) => void;
  /** Signals it at the very moment when it says something on stderr. */
  readonly signalAt: (said: RegExp, name: NodeJS.Signals) => void;
  readonly result: Promise<CliResult>;
}

/** Starts the command line. It is killed at its deadline, and `result` is then rejected. */
export function startCli(args: readonly string[], options: CliOptions): CliProcess {
  const child = spawn(process.execPath, [program, ...args], {
    ...options,
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: deadlineMs,
    killSignal: 'SIGKILL',
  });
  const said = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.stderr += text));
  const result = once(child, 'close').then(([code, signal]): CliResult => {
    if (signal !== null)
      throw new Error(`stillpoint ${args.join(' ')} was ended by ${String(signal)}\n${said.stderr}`);
    return { code: code as number, ...said };
  });
  result.catch(() => undefined);
  return {
    pid: child.pid ?? 0,
    stdout: () => said.stdout,
    stderr: () => said.stderr,
    signal: (name) => child.kill(name),
    signalAt: (pattern, name) => {
      const look = (): void => {
        if (!pattern.test(said.stderr)) return;
        child.stderr.off('data', look);
        child.kill(name);
      };
      child.stderr.on('data', look);
    },
    result,
  };
}
