// Named pipes that a member has open where others can open them too: a channel that no cut could verify.
import { readlink, stat } from 'node:fs/promises';
import type { Descriptor } from './descriptors.ts';
import { hidingFolder } from './private-folders.ts';

/**
 * @param descriptors what the member's processes have open
 * @param keptFolder folder below a private one that is the machine's in this sandbox too, or ''
 * @returns their paths in the member's file system, without those in folders of its own
 */
export async function sharedFifos(descriptors: readonly Descriptor[], keptFolder: string): Promise<string[]> {
  const found = await Promise.all(descriptors.map((descriptor) => sharedFifo(descriptor, keptFolder)));
  return [...new Set(found.filter((path) => path !== undefined))].toSorted();
}

async function sharedFifo(
  { link, target: path }: Descriptor,
  keptFolder: string,
): Promise<string | undefined> {
  if (!path.startsWith('/')) return undefined;
  const isKept = keptFolder !== '' && path.startsWith(`${keptFolder}/`);
  if (hidingFolder(path) !== undefined && !isKept) return undefined;
  const state = await stat(link).catch(() => undefined);
  if (state?.isFIFO() !== true) return undefined;
  // numbers of descriptors are given out again: what is open now may be another file
  const present = await readlink(link).catch(() => '');
  return present === path ? path : undefined;
}
