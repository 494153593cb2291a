// What a member's processes have open, read once for all who ask: two readings need not agree.
import { readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';

export interface Descriptor {
  readonly pid: number;
  /** Leads to what is open, while it is. */
  readonly link: string;
  /** A path in the member's file system, or what proc(5) names otherwise: `socket:[INODE]`. */
  readonly target: string;
}

/**
 * @param pids as this process's namespace numbers them
 * @returns nothing of a process that has ended meanwhile
 */
export async function openDescriptors(pids: readonly number[]): Promise<Descriptor[]> {
  const found = await Promise.all(
    pids.map(async (pid) => {
      const folder = `/proc/${pid}/fd`;
      const names = await readdir(folder).catch(() => []);
      return Promise.all(
        names.map(async (name) => {
          const link = join(folder, name);
          return { pid, link, target: await readlink(link).catch(() => '') };
        }),
      );
    }),
  );
  return found.flat().filter(({ target }) => target !== '');
}
