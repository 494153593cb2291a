// Runs a helper command to its end.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { limits } from './limits.ts';

/** @returns what it printed @throws when it does not end well in time, with what it said */
export async function exec(program: string, args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(program, [...args], {
    timeout: limits.commandMs,
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout;
}
