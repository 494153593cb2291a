// Plans how the files of a gang go back, or forward, to an epoch. It only reads: whatever can't be brought there is
// found here, before anything is touched. Paths are the host's: a file that several members share is planned once.
import type { Stats } from 'node:fs';
import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import type { FilesPolicy, GangFile } from '@stillpoint/protocol';
import { stateOf } from './compare.ts';
import { FileChanged } from './errors.ts';
import { openToRead, readRange } from './io.ts';
import { type FileProblem, type FileProblemKind, fileProblem } from './problems.ts';
import { findByDigest, readRope, type Rope, ropeBytes, sliceRope } from './rope.ts';
import type { SavedContents } from './contents.ts';
import { formerContents, type UndoRecord } from './undo-log.ts';

/** One file to change. Plain data. */
export type FileAction =
  | {
      /** Keep what stands after `commonBytes`, cut it off, append `append`. */
      readonly kind: 'roll';
      readonly path: string;
      readonly inode: number;
      readonly device: number;
      readonly currentBytes: number;
      readonly commonBytes: number;
      readonly append: Rope;
      readonly sha256: string;
    }
  | {
      /** The file is gone and the epoch has its content: make it anew. */
      readonly kind: 'create';
      readonly path: string;
      readonly content: Rope;
      readonly mode: number;
      readonly uid: number;
      readonly gid: number;
    };

/** How the files of a gang are brought to an epoch. Plain data. */
export interface FilePlan {
  readonly actions: readonly FileAction[];
  /** Changed files that the policy `keep` leaves as they are. */
  readonly kept: readonly FileProblem[];
}

export interface PlanOptions {
  readonly files: readonly GangFile[];
  /** Every undo record of the gang, in the order in which they were made. */
  readonly records: readonly UndoRecord[];
  readonly tailFolder: string;
  readonly policy: FilesPolicy;
  /** What the epoch stored under the policy `save`: one entry a member. */
  readonly saved?: readonly SavedContents[];
  /** Looked at before each file. */
  readonly signal?: AbortSignal;
}

/**
 * Plans the way to an epoch for each of its files. Changes nothing, and may be called again after a failed
 * `applyFilePlan`.
 * @throws FileChanged naming every file that can't be brought there, and why; FileFailed
 */
export async function planFileRollback(options: PlanOptions): Promise<FilePlan> {
  const actions: FileAction[] = [];
  const kept: FileProblem[] = [];
  const problems: FileProblem[] = [];
  const planned = new Map<string, GangFile>();
  for (const file of options.files) {
    options.signal?.throwIfAborted();
    const state = await stateOf(file.path);
    const step = await planFile(file, state, planned, options);
    if (step.kind === 'problem') problems.push(step.problem);
    if (step.kind === 'keep') kept.push(step.problem);
    if (step.kind === 'change') actions.push(step.action);
  }
  if (problems.length > 0) throw new FileChanged(problems);
  return { actions, kept };
}

type Step =
  | { readonly kind: 'none' }
  | { readonly kind: 'change'; readonly action: FileAction }
  | { readonly kind: 'keep'; readonly problem: FileProblem }
  | { readonly kind: 'problem'; readonly problem: FileProblem };

async function planFile(
  file: GangFile,
  state: Stats | undefined,
  planned: Map<string, GangFile>,
  options: PlanOptions,
): Promise<Step> {
  const { path, sizeBytes, sha256 } = file;
  const refuse = (kind: FileProblemKind, detail?: string): Step => ({
    kind: 'problem',
    problem: fileProblem(path, kind, detail),
  });
  if (state === undefined) return (await planCreation(file, options)) ?? refuse('gone');
  if (!state.isFile()) return refuse('replaced', 'no regular file');
  if (sha256 === undefined) return planReadOnly(file, state, options);
  // two names of one file: the first brings it there
  const other = planned.get(`${state.dev}:${state.ino}`);
  if (other !== undefined) {
    return other.sha256 === sha256 && other.sizeBytes === sizeBytes
      ? { kind: 'none' }
      : refuse('ambiguous', `it is the same file as ${other.path}`);
  }
  planned.set(`${state.dev}:${state.ino}`, file);
  const target = await findTarget(file, state, options);
  if (target === undefined) {
    const kind = kindOfChange(file, state);
    if (options.policy !== 'keep') return refuse(kind);
    return { kind: 'keep', problem: fileProblem(path, kind) };
  }
  const commonBytes = await commonPrefix(path, target);
  if (commonBytes === sizeBytes && state.size === sizeBytes) return { kind: 'none' };
  if (!(await isWritable(path))) return refuse('read-only');
  const action: FileAction = {
    kind: 'roll',
    path,
    inode: state.ino,
    device: state.dev,
    currentBytes: state.size,
    commonBytes,
    append: sliceRope(target, commonBytes, sizeBytes),
    sha256,
  };
  return { kind: 'change', action };
}

/** Nobody in the gang can write it, so its content was not digested: it has to be the same file, no shorter. */
function planReadOnly(file: GangFile, state: Stats, options: PlanOptions): Step {
  const { path, inode, sizeBytes, modifiedMs } = file;
  const sizes = `${state.size} bytes instead of ${sizeBytes}`;
  if (state.size < sizeBytes) return { kind: 'problem', problem: fileProblem(path, 'shortened', sizes) };
  // as old: it is the same, perhaps a copy of it on another machine; grown: somebody appends to it
  const hasGrown = state.ino === inode && state.size > sizeBytes;
  if (Math.trunc(state.mtimeMs) === Math.trunc(modifiedMs) || hasGrown) return { kind: 'none' };
  const problem = fileProblem(path, kindOfChange(file, state));
  return options.policy === 'keep' ? { kind: 'keep', problem } : { kind: 'problem', problem };
}

/** The content of the cut as ranges of files that are there, or undefined when none has the digest. */
async function findTarget(file: GangFile, state: Stats, options: PlanOptions): Promise<Rope | undefined> {
  const { path, sizeBytes, sha256 } = file;
  const known = formerContents({ path, sizeBytes: state.size }, options.records, options.tailFolder)
    .filter((rope) => ropeBytes(rope) >= sizeBytes)
    .map((rope) => sliceRope(rope, 0, sizeBytes));
  const saved = options.policy === 'keep' ? undefined : savedContent(file, options);
  return findByDigest(saved === undefined ? known : [...known, saved.rope], sha256 ?? '');
}

function savedContent(file: GangFile, options: PlanOptions) {
  for (const { folder, contents } of options.saved ?? []) {
    const found = contents.find((each) => each.path === file.path && each.sha256 === file.sha256);
    if (found === undefined) continue;
    const rope: Rope = [{ file: join(folder, found.sha256), from: 0, to: found.sizeBytes }];
    return { ...found, rope };
  }
  return undefined;
}

async function planCreation(file: GangFile, options: PlanOptions): Promise<Step | undefined> {
  const saved = options.policy === 'keep' ? undefined : savedContent(file, options);
  if (saved === undefined || (await findByDigest([saved.rope], saved.sha256)) === undefined) return undefined;
  const { mode, uid, gid, rope } = saved;
  return {
    kind: 'change',
    action: { kind: 'create', path: file.path, content: rope, mode, uid, gid },
  };
}

function kindOfChange(file: GangFile, state: Stats): FileProblemKind {
  if (state.ino !== file.inode) return 'replaced';
  return state.size < file.sizeBytes ? 'shortened' : 'written-in-place';
}

/** How many bytes at its beginning a file has in common with a rope. */
async function commonPrefix(path: string, target: Rope): Promise<number> {
  const [first] = target;
  // a former content begins with a part of the file itself
  let common = first?.file === path && first.from === 0 ? first.to : 0;
  const rest = sliceRope(target, common, ropeBytes(target));
  await using file = await openToRead(path);
  for await (const wanted of readRope(rest)) {
    let compared = 0;
    for await (const found of readRange(file, common, common + wanted.length)) {
      const part = wanted.subarray(compared, compared + found.length);
      if (!part.equals(found)) return common + firstDifference(part, found);
      compared += found.length;
      common += found.length;
    }
    if (compared < wanted.length) return common;
  }
  return common;
}

function firstDifference(a: Buffer, b: Buffer): number {
  let index = 0;
  while (a[index] === b[index]) index += 1;
  return index;
}

async function isWritable(path: string): Promise<boolean> {
  try {
    await access(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
