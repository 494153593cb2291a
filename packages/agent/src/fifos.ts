// Named pipes that a member has open where others can open them too: a channel that no cut could verify.
import { readdir, readlink, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { hidingFolder } from './private-folders.ts';

/**
 * @param pids the member's processes, as pids of this process's namespace
 * @param keptFolder folder below a private one that is the machine's in this sandbox too, or ''
 * @returns their paths in the member's file system, without those in folders of its own
 */
export async function sharedFifos(pids: readonly number[], keptFolder: string): Promise<string[]> {
  const found = await Promise.all(
    pids.map(async (pid) => {
      const folder = `/proc/${pid}/fd`;
      const names = await readdir(folder).catch(() => []); // it has ended meanwhile
      return Promise.all(names.map((name) => sharedFifo(join(folder, name), keptFolder)));
    }),
  );
  return [...new Set(found.flat().filter((path) => path !== undefined))].toSorted();
}

async function sharedFifo(descriptor: string, keptFolder: string): Promise<string | undefined> {
  const path = await readlink(descriptor).catch(() => '');
  if (!path.startsWith('/')) return undefined;
  const isKept = keptFolder !== '' && path.startsWith(`${keptFolder}/`);
  if (hidingFolder(path) !== undefined && !isKept) return undefined;
  const state = await stat(descriptor).catch(() => undefined);
  return state?.isFIFO() === true ? path : undefined;
}
