// A folder whose file system never answers: whoever looks into it hangs in the kernel.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { workload } from '../workloads/harness.ts';

export interface Silence extends AsyncDisposable {
  readonly folder: string;
  /** Ends all waiting. */
  end(): void;
}

/** Makes an empty folder one. Sandboxes that are made later see it. */
export async function startSilence(folder: string): Promise<Silence> {
  const child = spawn(workload('build/hang'), ['--serve', folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  await Promise.race([
    once(child.stdout, 'data'),
    closed.then(([code]) => {
      throw new Error(`the server of ${folder} ended with ${code}`);
    }),
  ]);
  return {
    folder,
    end: () => child.kill('SIGKILL'),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await closed;
      spawnSync('umount', ['-l', folder]);
    },
  };
}
