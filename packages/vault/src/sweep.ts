// Removes what writers and removals that were cut off left behind: epochs without a manifest, and drafts.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { draftPrefix, exists, hasCode, onDisk, removeTree } from './disk.ts';
import type { Guard } from './guard.ts';
import { epochOf, type Layout } from './layout.ts';
import { isGangName } from './names.ts';
import type { EpochName } from './vault.ts';

/** Gives the epochs that were removed. An epoch with a manifest, even a damaged one, is published and stays. */
export async function sweep(
  layout: Layout,
  inFlight: readonly EpochName[],
  guard: Guard,
): Promise<readonly EpochName[]> {
  const removed: EpochName[] = [];
  for (const gang of await entriesOf(layout.gangs)) {
    if (!isGangName(gang)) continue;
    for (const epoch of await epochsIn(layout, gang)) {
      guard.signal.throwIfAborted();
      if (inFlight.some((each) => each.gang === gang && each.epoch === epoch)) continue;
      const folder = layout.epoch(gang, epoch);
      if (await isPublished(layout, { gang, epoch })) {
        await removeDrafts(folder, guard);
      } else {
        await onDisk(folder, async () => await removeTree(folder));
        removed.push({ gang, epoch });
      }
      guard.moved();
    }
  }
  return removed;
}

/** The epochs of a gang, published or not, ascending. */
export async function epochsIn(layout: Layout, gang: string): Promise<readonly number[]> {
  const names = await entriesOf(layout.epochs(gang));
  return names
    .map(epochOf)
    .filter((epoch) => epoch !== undefined)
    .sort((a, b) => a - b);
}

export async function isPublished(layout: Layout, { gang, epoch }: EpochName): Promise<boolean> {
  const manifest = layout.manifest(gang, epoch);
  return await onDisk(manifest, async () => await exists(manifest));
}

async function removeDrafts(folder: string, guard: Guard): Promise<void> {
  for (const entry of await entriesOf(folder)) {
    if (!entry.startsWith(draftPrefix)) continue;
    const draft = join(folder, entry);
    await onDisk(draft, async () => await removeTree(draft));
    guard.moved();
  }
}

async function entriesOf(folder: string): Promise<readonly string[]> {
  try {
    return await onDisk(folder, async () => await readdir(folder));
  } catch (error) {
    if (error instanceof Error && hasCode(error.cause, 'ENOENT')) return [];
    throw error;
  }
}
