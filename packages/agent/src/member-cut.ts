// The steps of a cut for one member: freeze, hold, note, dump, check, release. Each does one thing to the member and
// returns facts; in which order they run, and whether, is the protocol's business.
import { randomBytes } from 'node:crypto';
import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { dumpArguments, explainCriuFailure } from '@stillpoint/criu';
import {
  type FileNote,
  type FilesPolicy,
  holdId,
  type HoldId,
  type KernelSocket,
  type OutsidePolicy,
} from '@stillpoint/protocol';
import { type ClockReading, readHostClocks, sandboxClocks } from './clock.ts';
import { startCriu } from './criu-process.ts';
import { awaitDump } from './dump-end.ts';
import { FilesChanged, HoldMissing, LogNotDrained, MountMade, NotFrozen, ProcessHalted } from './errors.ts';
import {
  compareWithNote,
  digestFiles,
  type DigestCache,
  noteFiles,
  saveContents,
  type SavedContent,
  savePrivate,
} from './files/index.ts';
import { cgroupProcesses, freeze, type Freezer, staysFrozen, thaw } from './freezer.ts';
import { dumpDeadlineMs } from './hold-budget.ts';
import { haltedProcesses } from './halted-processes.ts';
import { type HoldException, liftHold, listHolds, takeHold } from './hold.ts';
import type { HomePaths } from './paths.ts';
import { ownMounts } from './own-mounts.ts';
import { connectInit, type SandboxRecord, sandboxRoot } from './sandbox-record.ts';
import { listSockets, nameHalfOpen } from './sockets.ts';
import { toolPath } from './tools.ts';

/** Facts about a member at the cut, noted while it is held and before it is dumped. */
export interface CutNote {
  readonly files: readonly FileNote[];
  readonly sockets: readonly KernelSocket[];
  readonly clocks: ClockReading;
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
  /** What was stored of shared files under the policy `save`. */
  readonly contents: readonly SavedContent[];
}

/** How an epoch treats what is not the gang's alone. */
export interface DumpPolicy {
  readonly outside: OutsidePolicy;
  readonly files: FilesPolicy;
  /** Digests that members of one node share. */
  readonly digests: DigestCache;
  /** How long reading the member's files may take, while it stands still. */
  readonly filesMs: number;
}

/** Everything a step needs to know of where it is. */
export interface MemberContext {
  readonly paths: HomePaths;
  readonly freezer: Freezer;
  readonly record: SandboxRecord;
}

const contentsFolder = (staging: string): string => join(staging, 'contents');
/** Whether a file of an image, named relative to its folder, is the content of a shared file. */
export const isContent = (name: string): boolean => name.startsWith('contents/');
export const imagesFolder = (staging: string): string => join(staging, 'images');

/** @throws FreezeTimeout; ProcessHalted or MountMade when it stands frozen, but its images would not be whole */
export async function freezeMember(context: MemberContext, deadlineMs: number): Promise<void> {
  const { record } = context;
  const { cgroup } = record.slot;
  await freeze(context.freezer, cgroup, deadlineMs);
  const [[halted], [mount]] = await Promise.all([
    cgroupProcesses(cgroup).then(haltedProcesses),
    ownMounts(record),
  ]);
  if (halted !== undefined) throw new ProcessHalted(memberName(record), halted.what, halted.remedy);
  if (mount !== undefined) throw new MountMade(memberName(record), mount.what, mount.remedy);
}

/** A name for a hold that was never used before. */
export const newHoldId = (): HoldId => holdId(randomBytes(6).toString('hex'));

/** Drops the member's traffic from now on. Done again: no harm. */
export async function holdMember(
  context: MemberContext,
  hold: HoldId,
  exception: HoldException = 'nothing',
): Promise<void> {
  await takeHold(context.record.slot.namespace, hold, exception);
}

/** Notes what the images must agree with. The member is frozen and held. */
export async function noteMember(context: MemberContext): Promise<CutNote> {
  const { record } = context;
  const [files, sockets, host, drained] = await Promise.all([
    noteMemberFiles(context),
    listSockets(record.slot.namespace),
    readHostClocks(),
    drainLogs(record),
  ]);
  return { files, sockets, clocks: sandboxClocks(host, record.clockOffsets), ...drained, contents: [] };
}

/**
 * Dumps the member into its staging folder, with its private files and the digests of those it shares. The member
 * stays frozen and held.
 * @returns the note, complete
 * @throws StillpointError with CRIU's reason; the member is then as it was, frozen and held
 */
export async function dumpMember(
  context: MemberContext,
  staging: string,
  note: CutNote,
  policy: DumpPolicy,
): Promise<CutNote> {
  const { paths, record } = context;
  const root = sandboxRoot(record);
  const deadlineMs = policy.filesMs;
  await rm(staging, { recursive: true, force: true });
  await mkdir(imagesFolder(staging), { recursive: true });
  const rootPid = await memberRootPid(record);
  await startCriu(record, {
    folder: staging,
    action: 'dump',
    criu: toolPath(paths, 'criu'),
    args: dumpArguments({
      pid: rootPid,
      imagesDirectory: imagesFolder(staging),
      logFile: join(staging, 'dump.log'),
      freezeCgroup: record.slot.cgroup,
    }),
  });
  // All of them end before this returns, so that nothing reads the member's files once it runs again.
  const [dumped, digested, saved, stored] = await Promise.allSettled([
    finishDump(context, staging, note),
    digestFiles(note.files, { root, cache: policy.digests, deadlineMs }),
    savePrivate({ root, to: join(staging, 'private.tar'), exclude: record.keptFolder, deadlineMs }),
    policy.files === 'save'
      ? saveContents(note.files, { root, to: contentsFolder(staging), deadlineMs })
      : Promise.resolve([]),
  ]);
  for (const part of [dumped, digested, saved, stored]) if (part.status === 'rejected') throw part.reason;
  return { ...note, files: valueOf(digested), contents: valueOf(stored) };
}

async function finishDump(context: MemberContext, staging: string, note: CutNote): Promise<void> {
  const { exitCode, log } = await awaitDump(context, staging);
  if (exitCode === 0) return;
  const deadlineMs = exitCode === undefined ? dumpDeadlineMs() : undefined;
  const halfOpen = nameHalfOpen(note.sockets);
  throw explainCriuFailure({ phase: 'dump', log, exitCode, deadlineMs, halfOpen });
}

function valueOf<T>(settled: PromiseSettledResult<T>): T {
  if (settled.status === 'rejected') throw settled.reason;
  return settled.value;
}

/**
 * Checks that the member stands frozen and held, as the kernel has it.
 * @throws HoldMissing, NotFrozen
 */
export async function requireStill({ record, freezer }: MemberContext, hold: HoldId): Promise<void> {
  const [holds, isFrozen] = await Promise.all([
    listHolds(record.slot.namespace),
    staysFrozen(freezer, record.slot.cgroup),
  ]);
  if (!holds.includes(hold)) throw new HoldMissing(memberName(record), hold);
  if (!isFrozen) throw new NotFrozen(memberName(record));
}

/**
 * Checks after the dump that the cut still is what was noted: same hold, still frozen, same files.
 * @throws HoldMissing, NotFrozen, FilesChanged
 */
export async function checkMember(context: MemberContext, note: CutNote, hold: HoldId): Promise<void> {
  const { record } = context;
  const [problems] = await Promise.all([
    compareWithNote(note.files, { root: sandboxRoot(record) }),
    requireStill(context, hold),
  ]);
  if (problems.length > 0)
    throw new FilesChanged(
      memberName(record),
      problems.map((problem) => problem.message),
    );
}

/** Lifts this hold and lets the member run. */
export async function releaseMember(context: MemberContext, hold: HoldId | undefined): Promise<void> {
  if (hold !== undefined) await liftHold(context.record.slot.namespace, hold);
  await thaw(context.freezer, context.record.slot.cgroup);
}

/** Descriptors of sp-init that are the write ends of its pipes (packages/sp-init/README.md). */
export const stdoutDescriptor = 10;
export const stderrDescriptor = 11;

const memberName = (record: SandboxRecord): string => `${record.gang}-${record.member}`;

async function noteMemberFiles({ record }: MemberContext): Promise<FileNote[]> {
  const root = sandboxRoot(record);
  const privateDevices = await Promise.all(
    ['tmp', 'dev/shm'].map(async (folder) => (await stat(join(root, folder))).dev),
  );
  return noteFiles({ pids: await cgroupProcesses(record.slot.cgroup), privateDevices });
}

/** Waits until what the member has written is in its logs: their sizes belong to the cut. */
async function drainLogs(record: SandboxRecord): Promise<{ stdoutBytes: number; stderrBytes: number }> {
  const client = await connectInit(record);
  try {
    const status = await client.drain();
    if (!status.drained) throw new LogNotDrained(memberName(record));
    return { stdoutBytes: status.stdoutBytes, stderrBytes: status.stderrBytes };
  } finally {
    client.close();
  }
}

/** The root of the member's tree, as its PID namespace numbers it. */
export async function memberRootPid(record: SandboxRecord): Promise<number> {
  const client = await connectInit(record);
  try {
    return (await client.status()).pid;
  } finally {
    client.close();
  }
}
