// Small disks, to be filled and made read-only.
import { execFile } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface Disk extends AsyncDisposable {
  readonly path: string;
  /** Mounts it anew with an option: `ro`. */
  remount(option: string): Promise<void>;
  /** Leaves no free byte. */
  fill(): Promise<void>;
  /** Takes back what `fill` took. */
  free(): Promise<void>;
}

/** Mounts a tmpfs of a size, in its own notation, on a folder that may be missing; nothing of it is left at the end. */
export async function mountTmpfs(path: string, size: string): Promise<Disk> {
  const made = await mkdir(path, { recursive: true });
  await run('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'stillpoint-test', path]);
  return {
    path,
    async remount(option) {
      await run('mount', ['-o', `remount,${option}`, path]);
    },
    fill: () => fillDisk(path),
    free: () => freeDisk(path),
    async [Symbol.asyncDispose]() {
      await run('umount', ['-l', path]);
      if (made !== undefined) await rm(made, { recursive: true });
    },
  };
}

const filler = 'filler';
const blockBytes = 64 * 1024;

/** Writes blocks into one file, then bytes, until none fits. */
export async function fillDisk(path: string): Promise<void> {
  for (const bytes of [blockBytes, 4096, 1]) {
    for (;;) {
      try {
        await writeFile(join(path, filler), Buffer.alloc(bytes), { flag: 'a' });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        break;
      }
    }
  }
}

/** Takes back what `fillDisk` took. */
export const freeDisk = (path: string): Promise<void> => rm(join(path, filler));
