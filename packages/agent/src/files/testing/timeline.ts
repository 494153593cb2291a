// For tests: notes of files, and files of a gang with their epochs and undo log.
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Epoch,
  epochNumber,
  type FileNote,
  type FilesPolicy,
  type GangFile,
  incarnationNumber,
  memberId,
  mergeNotes,
} from '@stillpoint/protocol';
import { applySteps } from '../apply.ts';
import { type SavedContents, saveContents } from '../contents.ts';
import { digestFiles } from '../digest.ts';
import { planFileRollback } from '../plan.ts';
import type { UndoRecord } from '../undo-log.ts';

export const sha256 = (bytes: Buffer | string): string => createHash('sha256').update(bytes).digest('hex');

/** A note of a file as a member that appends to it has it. */
export async function appenderNote(path: string): Promise<FileNote> {
  const { ino: inode, dev: device, size: sizeBytes, mtimeMs: modifiedMs } = await stat(path);
  return { path, inode, device, sizeBytes, modifiedMs, writable: true, append: true, isPrivate: false };
}

/** Pseudo-random whole numbers below a bound, the same for the same seed (mulberry32). */
export function seededNumbers(seed: number): (bound: number) => number {
  let state = seed;
  return (bound) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % bound;
  };
}

/** One checkpoint of the files of a timeline. */
export interface TakenEpoch {
  readonly incarnation: number;
  readonly files: readonly GangFile[];
  readonly saved: readonly SavedContents[];
  readonly contents: ReadonlyMap<string, Buffer>;
}

/** Files of a gang with their epochs and undo log, kept as a coordinator would. */
export class FileTimeline {
  readonly paths: readonly string[];
  readonly tailFolder: string;
  readonly policy: FilesPolicy;
  readonly #folder: string;
  readonly epochs: TakenEpoch[] = [];
  records: UndoRecord[] = [];
  incarnation = 1;
  #number = 0;

  constructor(folder: string, paths: readonly string[], policy: FilesPolicy) {
    this.#folder = folder;
    this.paths = paths;
    this.policy = policy;
    this.tailFolder = join(folder, 'tails');
  }

  /** Takes a checkpoint of all files as they are. */
  async checkpoint(): Promise<TakenEpoch> {
    const notes = await digestFiles(await Promise.all(this.paths.map(appenderNote)), { root: '' });
    const to = join(this.#folder, `saved-${(this.#number += 1)}`);
    const saved =
      this.policy === 'save' ? [{ folder: to, contents: await saveContents(notes, { root: '', to }) }] : [];
    const { files } = mergeNotes([{ member: memberId(0), files: notes }]);
    const contents = new Map<string, Buffer>();
    for (const path of this.paths) contents.set(path, await readFile(path));
    const epoch = { incarnation: this.incarnation, files, saved, contents };
    this.epochs.push(epoch);
    return epoch;
  }

  /** Begins a new incarnation at an epoch; `steps` bounds how far it gets, as if it was killed then. */
  async restore(epoch: TakenEpoch, steps = Infinity): Promise<void> {
    this.incarnation += 1;
    const plan = await planFileRollback({
      files: epoch.files,
      records: this.records,
      tailFolder: this.tailFolder,
      policy: this.policy,
      saved: epoch.saved,
    });
    const applying = applySteps(plan, {
      tailFolder: this.tailFolder,
      epoch: this.#numberOf(epoch),
      incarnation: incarnationNumber(this.incarnation),
      record: async (record) => void this.records.push(record),
    });
    for (let step = 0; step < steps; step += 1) if ((await applying.next()).done === true) return;
    await applying.return(undefined);
  }

  #numberOf(epoch: TakenEpoch): Epoch {
    return epochNumber(this.epochs.indexOf(epoch) + 1);
  }
}
