// Worlds side by side: processes of their own take a share of the seeds each.
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';

const program = join(import.meta.dirname, 'main.ts');

/**
 * Runs this program once for each job, with the same options and a share of the seeds.
 *
 * @returns whether all is well; once one has found something the others end
 */
export async function runJobs(
  options: readonly string[],
  first: number,
  count: number,
  jobs: number,
): Promise<boolean> {
  const share = Math.ceil(count / jobs);
  const running: ChildProcess[] = [];
  const ends = Array.from({ length: jobs }, (_, job) => {
    const from = first + job * share;
    const seeds = Math.min(share, first + count - from);
    if (seeds <= 0) return Promise.resolve(true);
    const own = ['--seed', String(from), '--seeds', String(seeds)];
    const child = spawn(process.execPath, [program, ...options, ...own], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    running.push(child);
    return new Promise<boolean>((resolve) => {
      child.once('exit', (code) => {
        if (code !== 0) for (const other of running) other.kill();
        resolve(code === 0);
      });
    });
  });
  return (await Promise.all(ends)).every((isWell) => isWell);
}
