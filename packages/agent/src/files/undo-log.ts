// The undo log of roll-backs: what was cut off a file when, so that every content a file ever had can be found again.
// The records are kept in the ledger, the bytes beside them in a folder of the gang; nothing here does IO.
import { join } from 'node:path';
import type { Epoch, Incarnation } from '@stillpoint/protocol';
import { type Rope, ropeBytes, sliceRope } from './rope.ts';

/** One roll-back of one file: before it, the file was its first `keptFromBytes` bytes followed by the tail. */
export interface UndoRecord {
  readonly path: string;
  readonly keptFromBytes: number;
  readonly tailBytes: number;
  /** SHA-256 in hex of the tail, which is also its name in the folder of tails. */
  readonly sha256: string;
  /** The epoch for whose restore the file was rolled back, and the incarnation that this restore began. */
  readonly restoredEpoch: Epoch;
  readonly incarnation: Incarnation;
}

/** Where a tail is kept. */
export const tailPath = (tailFolder: string, sha256: string): string => join(tailFolder, `${sha256}.tail`);

/**
 * All contents that a file is known to have had, the present one first, then back in time. Between two roll-backs a
 * file only grows, so undoing them from the latest to the oldest gives each content as it was just before one.
 * @param records of all files, in the order in which they were made
 */
export function formerContents(
  current: { readonly path: string; readonly sizeBytes: number },
  records: readonly UndoRecord[],
  tailFolder: string,
): Rope[] {
  let rope: Rope = [{ file: current.path, from: 0, to: current.sizeBytes }];
  const contents: Rope[] = [rope];
  for (const record of records.filter((each) => each.path === current.path).toReversed()) {
    // somebody else shortened the file: what was before can't be put together any more
    if (record.keptFromBytes > ropeBytes(rope)) break;
    const tail = { file: tailPath(tailFolder, record.sha256), from: 0, to: record.tailBytes };
    rope = [...sliceRope(rope, 0, record.keptFromBytes), tail];
    contents.push(rope);
  }
  return contents;
}

/**
 * Records that no retained epoch needs: an epoch of incarnation n is found again by undoing the roll-backs that later
 * incarnations began with.
 * @param oldest the lowest incarnation of the retained epochs and of the gang itself
 */
export function isPrunable(record: UndoRecord, oldest: Incarnation): boolean {
  return record.incarnation <= oldest;
}
