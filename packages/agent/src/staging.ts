// The staging area: a tmpfs that all virtual nodes of a machine share. Images are there on their way to the vault, and
// back: <gang>/<epoch>/<member>, and .restores/<gang>/<incarnation>/<member>, which no gang can be named.
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rm, rmdir, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { exec } from './exec.ts';
import { limits } from './limits.ts';
import { type HomePaths, nodeRuntime } from './paths.ts';

/** Where a kernel that has huge pages for shared memory says so. */
const hugePagesFile = '/sys/kernel/mm/transparent_hugepage/shmem_enabled';

/** Mounts it unless it is there. In huge pages, where the kernel has them, a dump is written in about half the time. */
export async function mountStaging(paths: HomePaths): Promise<void> {
  await mkdir(paths.staging, { recursive: true, mode: 0o700 });
  if (await isMounted(paths.staging)) return;
  const size = process.env['STILLPOINT_STAGING_SIZE'] ?? limits.stagingSize;
  // not `always`: each of the many small images would take a whole huge page
  const huge = existsSync(hugePagesFile) ? ['huge=within_size'] : [];
  const options = ['mode=0700', `size=${size}`, ...huge].join(',');
  await exec('mount', ['-t', 'tmpfs', '-o', options, 'stillpoint-staging', paths.staging]);
}

export async function unmountStaging({ staging }: HomePaths): Promise<void> {
  if (await isMounted(staging)) await exec('umount', [staging]);
}

/** What is taken of the staging area, and what is left. */
export async function stagingRoom({
  staging,
}: HomePaths): Promise<{ readonly usedBytes: number; readonly freeBytes: number }> {
  const { blocks, bfree, bavail, bsize } = await statfs(staging);
  return { usedBytes: (blocks - bfree) * bsize, freeBytes: bavail * bsize };
}

async function isMounted(folder: string): Promise<boolean> {
  return (await readFile('/proc/self/mounts', 'utf8')).includes(` ${folder} tmpfs `);
}

/** Folder for one member of an epoch; the same path inside and outside of sandboxes. */
export function stagingFolder(paths: HomePaths, gang: string, epoch: number, member: number): string {
  return join(paths.staging, gang, String(epoch), String(member));
}

/** Folder for one member of a restore attempt. */
export function restoreStagingFolder(
  paths: HomePaths,
  gang: string,
  incarnation: number,
  member: number,
): string {
  return join(paths.staging, '.restores', gang, String(incarnation), String(member));
}

/** Removes a member's folder, and those above it that are empty then. */
export async function removeStaging(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await removeEmpty(dirname(folder));
  await removeEmpty(dirname(dirname(folder)));
}

async function removeEmpty(folder: string): Promise<void> {
  try {
    await rmdir(folder);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code !== 'ENOTEMPTY' && code !== 'ENOENT') throw error;
  }
}

/** What staging is still needed for. */
export interface StagingInUse {
  readonly epochs: readonly { readonly gang: string; readonly epoch: number }[];
  /** Attempts that may not have ended. */
  readonly restores: readonly { readonly gang: string; readonly incarnation: number }[];
}

/** Removes what is in staging for nothing that is in use. @returns its folders */
export async function sweepStaging(paths: HomePaths, inUse: StagingInUse): Promise<string[]> {
  const restores = join(paths.staging, '.restores');
  const needed = new Set([
    ...inUse.epochs.map(({ gang, epoch }) => join(paths.staging, gang, String(epoch))),
    ...inUse.restores.map(({ gang, incarnation }) => join(restores, gang, String(incarnation))),
  ]);
  const found = [...(await attempts(paths.staging)), ...(await attempts(restores))];
  return removeAll(found.filter((folder) => !needed.has(folder)));
}

/**
 * Removes what is in staging of epochs and attempts that no agent of this machine has a part in any more: one that has begins
 * with writing that down. @returns its folders
 */
export async function sweepForgotten(paths: HomePaths): Promise<string[]> {
  const restores = join(paths.staging, '.restores');
  // the folders first: whoever makes one meanwhile has written its part down before
  const found = [...(await attempts(paths.staging)), ...(await attempts(restores))];
  const needed = new Set<string>();
  for (const node of await foldersIn(join(paths.runtime, 'nodes'))) {
    for (const [kind, root] of [
      ['epochs', paths.staging],
      ['restores', restores],
    ] as const)
      for (const name of await readdir(join(nodeRuntime(paths, node), kind)).catch(() => [])) {
        const [gang = '', number = ''] = name.split('.');
        needed.add(join(root, gang, number));
      }
  }
  return removeAll(found.filter((folder) => !needed.has(folder)));
}

async function removeAll(folders: string[]): Promise<string[]> {
  for (const folder of folders) {
    await rm(folder, { recursive: true, force: true });
    await removeEmpty(dirname(folder));
  }
  return folders;
}

/** Folders of epochs, or of restore attempts, by gang. */
async function attempts(root: string): Promise<string[]> {
  const found: string[] = [];
  for (const gang of await foldersIn(root))
    for (const number of await foldersIn(join(root, gang)))
      if (/^\d+$/.test(number)) found.push(join(root, gang, number));
  return found;
}

async function foldersIn(folder: string): Promise<string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
