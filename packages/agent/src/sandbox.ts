// One member's sandbox: own pid, mount, network, time, uts and ipc namespaces with sp-init as PID 1, and a cgroup
// that freezes. Made, found again after an agent's death, and removed here; what runs in it is not known here.
import { spawn } from 'node:child_process';
import { mkdir, open, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { SpInitClient } from '@stillpoint/sp-init';
import type { ClockOffsets } from './clock.ts';
import { SandboxFailed } from './errors.ts';
import { createCgroup, type Freezer, killCgroup, killIfAlive, removeCgroup } from './freezer.ts';
import { limits } from './limits.ts';
import {
  createMemberNetwork,
  deleteMemberNetwork,
  isPlaceTaken,
  namespacePath,
  processesIn,
} from './network.ts';
import type { HomePaths } from './paths.ts';
import { hidingFolder } from './private-folders.ts';
import {
  controlSocket,
  exitFile,
  isSandboxAlive,
  ownerName,
  readExit,
  readRecord,
  recordName,
  type SandboxRecord,
  type SandboxSlot,
  type SlotOwner,
  writeRecord,
} from './sandbox-record.ts';
import { criuCacheFile, criuRuntimeFolder, toolPath } from './tools.ts';
import { findUnrecorded } from './unrecorded.ts';

/** How a member is started, or restored: then there is no command. */
export interface SandboxLaunch extends SlotOwner {
  readonly hostname: string;
  readonly hosts: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly command: readonly string[] | 'await-restore';
  readonly logFolder: string;
  readonly clockOffsets: ClockOffsets;
}

const setupScript = fileURLToPath(new URL('../scripts/sandbox-setup.sh', import.meta.url));

/** Reserves the slot: makes its folder, cgroup and network. @returns false when somebody else has that place */
export async function prepareSlot(
  paths: HomePaths,
  freezer: Freezer,
  slot: SandboxSlot,
  owner: SlotOwner,
): Promise<boolean> {
  if (await isPlaceTaken(paths, slot.node, slot.nodeIndex, slot.slot)) return false;
  await mkdir(slot.folder, { recursive: true, mode: 0o700 });
  await writeRecord(slot.folder, ownerName, { ...owner, slot });
  await createCgroup(freezer, `${slot.node}-${slot.slot}`);
  await createMemberNetwork(paths, slot.node, slot.nodeIndex, slot.slot);
  return true;
}

/**
 * Starts sp-init in new namespaces in a prepared slot, with the member's command or awaiting a restore. A command that
 * an earlier agent had started, and did not live to write down, is not started again.
 * @throws SandboxFailed when PID 1 does not answer in time; the slot is then to be removed
 */
export async function launchSandbox(
  paths: HomePaths,
  slot: SandboxSlot,
  launch: SandboxLaunch,
): Promise<SandboxRecord> {
  const stdoutPath = join(launch.logFolder, `${launch.member}.out`);
  const stderrPath = join(launch.logFolder, `${launch.member}.err`);
  const found = launch.command === 'await-restore' ? undefined : await findUnrecorded(slot);
  const initPid = found ?? (await startInit(paths, slot, launch, { stdoutPath, stderrPath }));
  const record: SandboxRecord = {
    gang: launch.gang,
    member: launch.member,
    incarnation: launch.incarnation,
    slot,
    initPid,
    stdoutPath,
    stderrPath,
    cwd: launch.cwd,
    keptFolder: privateFolderToKeep(launch.cwd),
    clockOffsets: launch.clockOffsets,
  };
  await writeRecord(slot.folder, recordName, record);
  return record;
}

/** @returns PID 1 as a pid of the host, or 0 when the command has ended already */
async function startInit(
  paths: HomePaths,
  slot: SandboxSlot,
  launch: SandboxLaunch,
  { stdoutPath, stderrPath }: Pick<SandboxRecord, 'stdoutPath' | 'stderrPath'>,
): Promise<number> {
  await killUnrecorded(slot);
  await mkdir(launch.logFolder, { recursive: true });
  await writeFile(join(slot.folder, 'hosts'), launch.hosts);
  const args = [
    `--net=${namespacePath(slot.namespace)}`,
    'unshare',
    '--pid',
    '--fork',
    '--mount',
    '--uts',
    '--ipc',
    '--time',
    '--monotonic',
    String(launch.clockOffsets.monotonicSeconds),
    '--boottime',
    String(launch.clockOffsets.boottimeSeconds),
    '/bin/sh',
    setupScript,
    slot.folder,
    launch.hostname,
    criuRuntimeFolder,
    criuCacheFile(paths),
    privateFolderToKeep(launch.cwd),
    '--',
    toolPath(paths, 'sp-init'),
    '--control',
    controlSocket(slot),
    '--stdout',
    stdoutPath,
    '--stderr',
    stderrPath,
    '--exit-file',
    exitFile(slot),
    '--cgroup',
    slot.cgroup,
    ...(launch.command === 'await-restore'
      ? ['--await-restore']
      : ['--cwd', launch.cwd, '--', ...launch.command]),
  ];
  const setupLog = await open(join(slot.folder, 'setup.log'), 'w');
  try {
    const child = spawn('nsenter', args, {
      detached: true,
      cwd: '/',
      stdio: ['ignore', setupLog.fd, setupLog.fd],
      env: { ...launch.environment },
    });
    const exited = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, signal) => resolve(`PID 1 ended at once (${signal ?? `exit ${code}`})`));
    });
    child.unref();
    const connected = SpInitClient.connect(controlSocket(slot), { deadlineMs: limits.sandboxStartMs });
    const first = await Promise.race([connected, exited]);
    if (typeof first === 'string') {
      connected.then(
        (late) => late.close(),
        () => undefined,
      );
      throw new Error(first);
    }
    first.close();
    return await findInitPid(child.pid ?? 0);
  } catch (error) {
    // a command that ends within milliseconds is no failure of the sandbox: its exit file is there
    if (launch.command !== 'await-restore' && (await readExit(slot)) !== undefined) return 0;
    await killUnrecorded(slot);
    throw await startFailure(slot, error as Error);
  } finally {
    await setupLog.close();
  }
}

async function startFailure(slot: SandboxSlot, cause: Error): Promise<SandboxFailed> {
  const detail = (await readFile(join(slot.folder, 'setup.log'), 'utf8')).trim().slice(-1000);
  return new SandboxFailed(`${slot.node}-${slot.slot}`, `${cause.message} ${detail}`.trim(), cause);
}

/** Kills everything in the sandbox, then removes its network, cgroup and folder. Does nothing to what is not there. */
export async function removeSandbox(paths: HomePaths, freezer: Freezer, slot: SandboxSlot): Promise<void> {
  await killCgroup(freezer, slot.cgroup);
  const record = await readRecord(slot.folder);
  await (record === undefined ? killUnrecorded(slot) : killInit(record));
  await deleteMemberNetwork(paths, slot.node, slot.slot);
  await removeCgroup(slot.cgroup);
  await rm(slot.folder, { recursive: true, force: true });
}

/** Kills PID 1 of the sandbox, if that process still is the one that was started. */
function killInit(record: SandboxRecord): Promise<void> {
  const find = async (): Promise<number[]> => ((await isSandboxAlive(record)) ? [record.initPid] : []);
  return killAll(record.slot, find);
}

/** Its start failed, or its agent was killed meanwhile: what there is of it is found by its network. */
const killUnrecorded = (slot: SandboxSlot): Promise<void> =>
  killAll(slot, () => processesIn([slot.namespace]));

async function killAll(slot: SandboxSlot, find: () => Promise<number[]>): Promise<void> {
  const end = performance.now() + limits.killMs;
  for (;;) {
    const pids = await find();
    if (pids.length === 0) return;
    if (performance.now() > end)
      throw new SandboxFailed(`${slot.node}-${slot.slot}`, `processes ${pids.join(', ')} do not end`);
    for (const pid of pids) killIfAlive(pid);
    await delay(limits.freezePollMs);
  }
}

/** The process that `unshare --fork` made: PID 1 of the new namespace, as a pid of the host. */
async function findInitPid(unsharePid: number): Promise<number> {
  const children = (await readFile(`/proc/${unsharePid}/task/${unsharePid}/children`, 'utf8')).trim();
  const pid = Number(children.split(' ')[0]);
  if (!(pid > 1)) throw new Error('PID 1 is gone');
  return pid;
}

/** A working directory under the sandbox's private folders would be hidden by them: it is kept. */
function privateFolderToKeep(cwd: string): string {
  const folder = hidingFolder(cwd);
  return folder === undefined || folder === cwd ? '' : cwd;
}
