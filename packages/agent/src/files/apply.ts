// Carries out a file plan. What is cut off is durable, and noted durably, before the file is cut: killed at any point,
// planning and applying again ends in the same content.
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, rename, rm, statfs } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Epoch, Incarnation } from '@stillpoint/protocol';
import { FileChanged, fileError, FilesNoRoom } from './errors.ts';
import { digestOf, readRange, syncFolder, writeAll } from './io.ts';
import type { FileAction, FilePlan } from './plan.ts';
import { fileProblem } from './problems.ts';
import { readRope, type Rope } from './rope.ts';
import { tailPath, type UndoRecord } from './undo-log.ts';

export interface ApplyOptions {
  /** The gang's folder of tails. One plan at a time is applied with it. */
  readonly tailFolder: string;
  /** Adds a record to the gang's undo log; it is durable when the promise is fulfilled. */
  readonly record: (record: UndoRecord) => Promise<void>;
  readonly epoch: Epoch;
  /** The incarnation that this restore begins. */
  readonly incarnation: Incarnation;
  /** Looked at after each durable step. */
  readonly signal?: AbortSignal;
}

type RollAction = Extract<FileAction, { kind: 'roll' }>;
type CreateAction = Extract<FileAction, { kind: 'create' }>;

/**
 * Brings every file of the plan to its epoch. No member of the gang may run. After a failure, plan again with the
 * records made meanwhile, and apply that.
 * @throws FileChanged when a file is not as it was planned; FilesNoRoom, FileFailed; the signal's reason
 */
export async function applyFilePlan(plan: FilePlan, options: ApplyOptions): Promise<void> {
  for await (const _step of applySteps(plan, options)) options.signal?.throwIfAborted();
}

/** The same, a durable step at a time, so that a test can stop between any two. */
export async function* applySteps(
  plan: FilePlan,
  options: ApplyOptions,
): AsyncGenerator<string, void, undefined> {
  if (plan.actions.length === 0) return;
  await prepareTailFolder(plan, options.tailFolder);
  for (const action of plan.actions) {
    try {
      yield* action.kind === 'roll' ? rollFile(action, options) : createFile(action);
    } catch (error) {
      throw fileError(action.path, error);
    }
  }
}

async function* rollFile(action: RollAction, options: ApplyOptions): AsyncGenerator<string, void, undefined> {
  const { path, commonBytes, currentBytes, sha256 } = action;
  await using file = await open(path, constants.O_RDWR | constants.O_NOFOLLOW);
  await requireUnchanged(file, action);
  if (currentBytes > commonBytes) {
    const kept = await keepTail(file, action, options.tailFolder);
    yield 'tail kept';
    // after a crash the same tail is recorded once more: undoing it twice gives the same content
    await options.record({ ...kept, restoredEpoch: options.epoch, incarnation: options.incarnation });
    yield 'tail recorded';
    await file.truncate(commonBytes);
    yield 'cut';
  }
  let position = commonBytes;
  for await (const chunk of readRope(action.append)) {
    await writeAll(file, chunk, position);
    position += chunk.length;
    yield 'appended a part';
  }
  await file.sync();
  // what was appended was read a second time since it was planned
  if (position > commonBytes && (await digestOf(file, position)) !== sha256) {
    throw new FileChanged([fileProblem(path, 'written-in-place', 'while it was rolled back')]);
  }
  yield 'done';
}

async function* createFile(action: CreateAction): AsyncGenerator<string, void, undefined> {
  const folder = dirname(action.path);
  const beside = join(folder, `.${basename(action.path)}.stillpoint`);
  await rm(beside, { force: true });
  try {
    await using file = await open(beside, 'wx', 0o600);
    await writeRope(file, action.content);
    await file.chown(action.uid, action.gid);
    await file.chmod(action.mode);
    await file.sync();
    yield 'written beside';
    await rename(beside, action.path);
  } finally {
    await rm(beside, { force: true });
  }
  await syncFolder(folder);
  yield 'done';
}

/** Copies what will be cut off into the folder of tails, durably. A tail's name is its digest: writing it twice is no harm. */
async function keepTail(
  file: FileHandle,
  action: RollAction,
  tailFolder: string,
): Promise<Pick<UndoRecord, 'path' | 'keptFromBytes' | 'tailBytes' | 'sha256'>> {
  const { path, commonBytes, currentBytes } = action;
  const partial = join(tailFolder, partialName);
  const hash = createHash('sha256');
  let tailBytes = 0;
  try {
    await using tail = await open(partial, 'w', 0o600);
    for await (const chunk of readRange(file, commonBytes, currentBytes)) {
      hash.update(chunk);
      await writeAll(tail, chunk, tailBytes);
      tailBytes += chunk.length;
    }
    if (tailBytes !== currentBytes - commonBytes) throw new FileChanged([fileProblem(path, 'shortened')]);
    await tail.sync();
    const sha256 = hash.digest('hex');
    await rename(partial, tailPath(tailFolder, sha256));
    await syncFolder(tailFolder);
    return { path, keptFromBytes: commonBytes, tailBytes, sha256 };
  } catch (error) {
    await rm(partial, { force: true });
    throw fileError(tailFolder, error);
  }
}

const partialName = 'incoming.partial';

/** Makes the folder and checks, before any file is touched, that all tails have room in it. */
async function prepareTailFolder(plan: FilePlan, tailFolder: string): Promise<void> {
  const tailBytes = plan.actions.reduce(
    (sum, action) => sum + (action.kind === 'roll' ? action.currentBytes - action.commonBytes : 0),
    0,
  );
  try {
    await mkdir(tailFolder, { recursive: true, mode: 0o700 });
    await syncFolder(dirname(tailFolder));
    const room = await statfs(tailFolder);
    if (room.bavail * room.bsize < tailBytes) throw new FilesNoRoom(tailFolder);
  } catch (error) {
    throw fileError(tailFolder, error);
  }
}

async function requireUnchanged(file: FileHandle, action: RollAction): Promise<void> {
  const state = await file.stat();
  if (state.ino !== action.inode || state.dev !== action.device) {
    throw new FileChanged([fileProblem(action.path, 'replaced', 'since its roll-back was planned')]);
  }
  if (state.size !== action.currentBytes) {
    throw new FileChanged([fileProblem(action.path, 'written-in-place', 'since its roll-back was planned')]);
  }
}

async function writeRope(file: FileHandle, rope: Rope): Promise<void> {
  let position = 0;
  for await (const chunk of readRope(rope)) {
    await writeAll(file, chunk, position);
    position += chunk.length;
  }
}

/** Removes the tails that no record names: those of pruned records, and what a crash left. */
export async function sweepTails(tailFolder: string, records: readonly UndoRecord[]): Promise<void> {
  const needed = new Set(records.map((record) => basename(tailPath(tailFolder, record.sha256))));
  for (const name of await readdir(tailFolder)) {
    if (!needed.has(name)) await rm(join(tailFolder, name), { force: true });
  }
}
