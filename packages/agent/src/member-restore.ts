// The steps of a restore for one member: prepare (fetch, verify, rewrite), restore (frozen, under a hold), lift.
import { mkdir, open, rm, writeFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  explainCriuFailure,
  freezeBeforeResumeScript,
  freezeDescriptors,
  freezeEnvironment,
  restoreArguments,
  rewriteImages,
} from '@stillpoint/criu';
import type { HoldId } from '@stillpoint/protocol';
import { awaitCriu, startCriu } from './criu-process.ts';
import { restorePrivate } from './files/index.ts';
import { orderFile, thaw } from './freezer.ts';
import { liftHold } from './hold.ts';
import { limits } from './limits.ts';
import {
  holdMember,
  imagesFolder,
  type MemberContext,
  requireStill,
  stderrDescriptor,
  stdoutDescriptor,
} from './member-cut.ts';
import { type MemberMeta, readMeta } from './member-meta.ts';
import { connectInit, sandboxRoot } from './sandbox-record.ts';
import { toolPath } from './tools.ts';

/** Old to new, for all members of the gang; and the size of every file of the cut. */
export interface RewriteMap {
  readonly addresses: ReadonlyMap<string, string>;
  readonly fileSizes: ReadonlyMap<string, bigint>;
}

/** Rewrites the staged images for their new addresses and gives the sandbox its private files back. */
export async function prepareMember(context: MemberContext, staging: string, map: RewriteMap): Promise<void> {
  const { outside } = await readMeta(staging);
  await rewriteImages(imagesFolder(staging), { ...map, outside: outside === 'close' ? 'close' : 'keep' });
  await restorePrivate({ root: sandboxRoot(context.record), from: join(staging, 'private.tar') });
}

/**
 * Restores the member from its staged images: afterwards it stands frozen and held, and sp-init is its parent.
 * @throws StillpointError with CRIU's reason; the sandbox is then to be removed
 */
export async function restoreMember(
  context: MemberContext,
  staging: string,
  meta: MemberMeta,
  hold: HoldId,
): Promise<void> {
  const { paths, record } = context;
  await holdMember(context, hold, 'criu');
  const script = join(staging, 'freeze-before-resume.sh');
  await writeFile(script, freezeBeforeResumeScript, { mode: 0o755 });
  const inherited = await openInherited(context);
  try {
    await startCriu(record, {
      folder: staging,
      action: 'restore',
      criu: toolPath(paths, 'criu'),
      prelude: `echo $$ >&${freezeDescriptors.memberProcesses};`,
      inherited,
      environment: freezeEnvironment(context.freezer.version),
      args: restoreArguments({
        imagesDirectory: imagesFolder(staging),
        logFile: join(staging, 'restore.log'),
        pidFile: join(staging, 'restore.pid'),
        actionScript: script,
        inherit: [
          { descriptor: 4, resource: meta.stdoutPipe },
          { descriptor: 5, resource: meta.stderrPipe },
        ],
      }),
    });
  } finally {
    for (const file of inherited) await file.close();
  }
  const exit = await awaitCriu(staging, 'restore', limits.restoreMs);
  if (exit.exitCode !== 0) {
    const deadlineMs = exit.exitCode === undefined ? limits.restoreMs : undefined;
    throw explainCriuFailure({ phase: 'restore', log: exit.log, exitCode: exit.exitCode, deadlineMs });
  }
  await adopt(context, meta.rootPid);
  await requireStill(context, hold);
}

/**
 * Lifts the restore's hold and lets the member run, once its peers have had the time to lift theirs: a packet to one
 * that is still held is lost, and a restored connection, which knows no round-trip time yet, repeats it after a second.
 */
export async function letGo(context: MemberContext, hold: HoldId): Promise<void> {
  await liftHold(context.record.slot.namespace, hold);
  await delay(limits.peersLiftMs);
  await thaw(context.freezer, context.record.slot.cgroup);
}

async function adopt({ record }: MemberContext, pid: number): Promise<void> {
  const client = await connectInit(record);
  try {
    await client.adopt(pid);
  } finally {
    client.close();
  }
}

/** Descriptors 4 to 8 of CRIU: the log pipes, and the cgroup files that its freeze script needs. */
async function openInherited({ record, freezer }: MemberContext): Promise<FileHandle[]> {
  const { cgroup } = record.slot;
  const names: [string, string][] = [
    [`/proc/${record.initPid}/fd/${stdoutDescriptor}`, 'w'],
    [`/proc/${record.initPid}/fd/${stderrDescriptor}`, 'w'],
    [join(cgroup, 'cgroup.procs'), 'r+'],
    [join(freezer.root, 'cgroup.procs'), 'r+'],
    [join(cgroup, orderFile[freezer.version]), 'r+'],
  ];
  const opened: FileHandle[] = [];
  try {
    for (const [path, flags] of names) opened.push(await open(path, flags));
    return opened;
  } catch (error) {
    for (const file of opened) await file.close();
    throw error;
  }
}

/** Makes an empty staging folder for a restore. */
export async function emptyStaging(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
}
