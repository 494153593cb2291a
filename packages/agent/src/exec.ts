// Runs a short helper command with a deadline and bounded output. Long-lived programs (CRIU) are not run from here.
import { spawn } from 'node:child_process';
import { CommandFailed } from './errors.ts';
import { limits } from './limits.ts';

export interface ExecOptions {
  readonly input?: string;
  readonly deadlineMs?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Exit codes that are not a failure; default 0 alone. */
  readonly accept?: readonly number[];
}

export interface ExecResult {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

/**
 * Runs `command` to its end and returns its output.
 * @throws CommandFailed when it exits otherwise than accepted, is killed, or runs past the deadline.
 */
export function exec(
  command: string,
  args: readonly string[],
  options: ExecOptions = {},
): Promise<ExecResult> {
  const deadlineMs = options.deadlineMs ?? limits.helperCommandMs;
  const shown = [command, ...args].join(' ').slice(0, 300);
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(options.env === undefined ? {} : { env: { ...process.env, ...options.env } }),
    });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    let bytes = 0;
    const collect = (into: Buffer[]) => (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= limits.helperOutputBytesMax) into.push(chunk);
      else child.kill('SIGKILL');
    };
    const timer = setTimeout(() => child.kill('SIGKILL'), deadlineMs);
    child.stdout.on('data', collect(out));
    child.stderr.on('data', collect(err));
    child.stdin.on('error', () => undefined); // EPIPE: the exit status tells why
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(new CommandFailed(shown, error.message, error));
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      const stdout = Buffer.concat(out).toString();
      const stderr = Buffer.concat(err).toString();
      if (code !== null && (options.accept ?? [0]).includes(code)) return resolve({ stdout, stderr, code });
      const why =
        code === null ? `killed by ${signal ?? 'a signal'} (deadline ${deadlineMs} ms)` : `exit ${code}`;
      reject(new CommandFailed(shown, `${why}: ${(stderr || stdout).trim().slice(-2000)}`));
    });
    child.stdin.end(options.input ?? '');
  });
}
