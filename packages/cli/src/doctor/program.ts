// Runs a program for a check: bounded, its output as text.
import { execFile } from 'node:child_process';
import { limits } from '../limits.ts';
import { Wrong } from './check.ts';

/** @returns what it printed @throws `Wrong` when it is missing, fails or runs too long */
export function output(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(
      program,
      args,
      { timeout: limits.doctorCheckMs, killSignal: 'SIGKILL', encoding: 'utf8' },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout.trim());
        else if (error.code === 'ENOENT') reject(new Wrong(`${program} is not installed`));
        else if (error.killed === true)
          reject(new Wrong(`${program} did not end within ${limits.doctorCheckMs} ms`));
        else reject(new Wrong(lastLine(stderr) ?? lastLine(stdout) ?? error.message));
      },
    );
  });
}

/** Runs lines of shell in a network namespace of their own, which is gone afterwards. */
export function inNewNetwork(script: string, ...args: readonly string[]): Promise<string> {
  return output('unshare', ['--net', '--', 'sh', '-ec', script, 'sh', ...args]);
}

function lastLine(text: string): string | undefined {
  return text.trim().split('\n').at(-1) || undefined;
}
