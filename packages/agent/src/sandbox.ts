// One member's sandbox: own pid, mount, network, time, uts and ipc namespaces with sp-init as PID 1, and a cgroup
// that freezes. Made, found again after an agent's death, and removed here; what runs in it is not known here.
import { spawn } from 'node:child_process';
import { mkdir, open, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SpInitClient } from '@stillpoint/sp-init';
import { SandboxFailed } from './errors.ts';
import { createCgroup, type Freezer, killCgroup, removeCgroup } from './freezer.ts';
import { limits } from './limits.ts';
import { createMemberNetwork, deleteNamespace, listNamespaces, type MemberAddresses, memberAddresses, memberNamespace, namespacePath } from './network.ts';
import type { HomePaths } from './paths.ts';
import { criuCacheFile, criuRuntimeFolder, toolPath } from './tools.ts';

/** A place for a member on a node: its network is there, and its sandbox may be. */
export interface SandboxSlot {
  readonly node: string;
  readonly nodeIndex: number;
  /** 1 and up, unique on the node. */
  readonly slot: number;
  readonly folder: string;
  readonly cgroup: string;
  readonly namespace: string;
  readonly addresses: MemberAddresses;
}

/** Whose a slot is. Written in the slot's folder when it is reserved, before anything runs there. */
export interface SlotOwner {
  readonly gang: string;
  readonly member: number;
  readonly incarnation: number;
}

/** What is written in a sandbox's folder once it runs, so that another agent process can find it again. */
export interface SandboxRecord extends SlotOwner {
  readonly slot: SandboxSlot;
  /** PID 1 of the sandbox as a process of the host; 0 when it had ended before it could be seen. */
  readonly initPid: number;
  readonly stdoutPath: string;
  readonly stderrPath: string;
  readonly cwd: string;
  /** A folder under /tmp or /dev/shm that is the host's in this sandbox too, or ''. */
  readonly keptFolder: string;
  /** Host's CLOCK_MONOTONIC and CLOCK_BOOTTIME plus these are the sandbox's, in seconds. */
  readonly clockOffsets: ClockOffsets;
}

export interface ClockOffsets {
  readonly monotonicSeconds: number;
  readonly boottimeSeconds: number;
}

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
const recordName = 'sandbox.json';
const ownerName = 'owner.json';

const sandboxesFolder = (paths: HomePaths): string => join(paths.runtime, 'sandboxes');
const controlSocket = (slot: SandboxSlot): string => join(slot.folder, 'control');
const exitFile = (slot: SandboxSlot): string => join(slot.folder, 'exit.json');

/** The slot of a number on a node, whether it is in use or not. */
export function sandboxSlot(paths: HomePaths, freezer: Freezer, node: string, nodeIndex: number, slot: number): SandboxSlot {
  const name = `${node}-${slot}`;
  return {
    node,
    nodeIndex,
    slot,
    folder: join(sandboxesFolder(paths), name),
    cgroup: join(freezer.root, name),
    namespace: memberNamespace(paths, node, slot),
    addresses: memberAddresses(nodeIndex, slot),
  };
}

/** Reserves the slot: makes its folder, cgroup and network. */
export async function prepareSlot(paths: HomePaths, freezer: Freezer, slot: SandboxSlot, owner: SlotOwner): Promise<void> {
  await mkdir(slot.folder, { recursive: true, mode: 0o700 });
  await writeRecord(slot.folder, ownerName, { ...owner, slot });
  await createCgroup(freezer, `${slot.node}-${slot.slot}`);
  await createMemberNetwork(paths, slot.node, slot.nodeIndex, slot.slot);
}

/**
 * Starts sp-init in new namespaces in a prepared slot, with the member's command or awaiting a restore.
 * @throws SandboxFailed when PID 1 does not answer in time; the slot is then to be removed
 */
export async function launchSandbox(paths: HomePaths, slot: SandboxSlot, launch: SandboxLaunch): Promise<SandboxRecord> {
  await mkdir(launch.logFolder, { recursive: true });
  await writeFile(join(slot.folder, 'hosts'), launch.hosts);
  const stdoutPath = join(launch.logFolder, `${launch.member}.out`);
  const stderrPath = join(launch.logFolder, `${launch.member}.err`);
  const args = [
    `--net=${namespacePath(slot.namespace)}`,
    'unshare', '--pid', '--fork', '--mount', '--uts', '--ipc', '--time',
    '--monotonic', String(launch.clockOffsets.monotonicSeconds),
    '--boottime', String(launch.clockOffsets.boottimeSeconds),
    '/bin/sh', setupScript, slot.folder, launch.hostname, criuRuntimeFolder, criuCacheFile(paths), privateFolderToKeep(launch.cwd), '--',
    toolPath(paths, 'sp-init'), '--control', controlSocket(slot), '--stdout', stdoutPath, '--stderr', stderrPath,
    '--exit-file', exitFile(slot), '--cgroup', slot.cgroup,
    ...(launch.command === 'await-restore' ? ['--await-restore'] : ['--cwd', launch.cwd, '--', ...launch.command]),
  ];
  const setupLog = await open(join(slot.folder, 'setup.log'), 'w');
  let client: SpInitClient;
  let initPid: number;
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
      connected.then((late) => late.close(), () => undefined);
      // a command that ends within milliseconds is no failure of the sandbox: its exit file is there
      if (launch.command === 'await-restore' || (await readExit(slot)) === undefined) throw new Error(first);
      initPid = 0;
    } else {
      client = first;
      client.close();
      initPid = await findInitPid(child.pid ?? 0);
    }
  } catch (error) {
    const detail = (await readFile(join(slot.folder, 'setup.log'), 'utf8')).trim().slice(-1000);
    throw new SandboxFailed(`${slot.node}-${slot.slot}`, `${(error as Error).message} ${detail}`.trim(), error);
  } finally {
    await setupLog.close();
  }
  const record: SandboxRecord = {
    gang: launch.gang, member: launch.member, incarnation: launch.incarnation, slot, initPid, stdoutPath, stderrPath,
    cwd: launch.cwd, keptFolder: privateFolderToKeep(launch.cwd), clockOffsets: launch.clockOffsets,
  };
  await writeRecord(slot.folder, recordName, record);
  return record;
}

/** Talks to the sandbox's PID 1. */
export function connectInit(record: SandboxRecord): Promise<SpInitClient> {
  return SpInitClient.connect(controlSocket(record.slot), { deadlineMs: limits.helperCommandMs });
}

/** How the member ended, or undefined while it runs. */
export function readExit(slot: SandboxSlot): Promise<{ code: number; signal: number } | undefined> {
  return readJson(exitFile(slot));
}

/** Kills everything in the sandbox, then removes its network, cgroup and folder. Does nothing to what is not there. */
export async function removeSandbox(paths: HomePaths, freezer: Freezer, slot: SandboxSlot): Promise<void> {
  await killCgroup(freezer, slot.cgroup);
  const record = await readRecord(slot.folder);
  if (record !== undefined) await killInit(record);
  if ((await listNamespaces(paths)).includes(slot.namespace)) await deleteNamespace(slot.namespace);
  await removeCgroup(slot.cgroup);
  await rm(slot.folder, { recursive: true, force: true });
}

/** A reserved slot, and its sandbox once that was launched. */
export interface UsedSlot extends SlotOwner {
  readonly slot: SandboxSlot;
  readonly sandbox?: SandboxRecord;
}

/** Slots of a node that are reserved, whether anything runs there or not. */
export async function listUsedSlots(paths: HomePaths, node: string): Promise<UsedSlot[]> {
  const found: UsedSlot[] = [];
  for (const name of await namesIn(sandboxesFolder(paths))) {
    const folder = join(sandboxesFolder(paths), name);
    const owner = await readJson<UsedSlot>(join(folder, ownerName));
    if (owner?.slot.node !== node) continue;
    const sandbox = await readRecord(folder);
    found.push(sandbox === undefined ? owner : { ...owner, sandbox });
  }
  return found;
}

/** Command prefix that enters all of a sandbox's namespaces. */
export const enterSandbox = (record: SandboxRecord): string[] => ['-t', String(record.initPid), '-m', '-u', '-i', '-n', '-p', '-T'];

const readRecord = (folder: string): Promise<SandboxRecord | undefined> => readJson<SandboxRecord>(join(folder, recordName));

async function writeRecord(folder: string, name: string, value: unknown): Promise<void> {
  const temporary = join(folder, `${name}.new`);
  await writeFile(temporary, JSON.stringify(value));
  await rename(temporary, join(folder, name));
}

/** Reads a file that this package wrote by rename, so it is whole; undefined when it is not there. */
async function readJson<T>(path: string): Promise<T | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as T;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Whether PID 1 of the sandbox still runs. */
export async function isSandboxAlive(record: SandboxRecord): Promise<boolean> {
  return record.initPid !== 0 && (await isSandboxInit(record));
}

/** Kills PID 1 of the sandbox, if that process still is the one that was started. */
async function killInit(record: SandboxRecord): Promise<void> {
  if (!(await isSandboxAlive(record))) return;
  process.kill(record.initPid, 'SIGKILL');
  const end = performance.now() + limits.killMs;
  while (await isSandboxInit(record)) {
    if (performance.now() > end) throw new SandboxFailed(`${record.slot.node}-${record.slot.slot}`, 'PID 1 does not die');
    await new Promise((resolve) => setTimeout(resolve, limits.freezePollMs));
  }
}

async function isSandboxInit(record: SandboxRecord): Promise<boolean> {
  try {
    return (await readFile(`/proc/${record.initPid}/cmdline`, 'utf8')).includes(controlSocket(record.slot));
  } catch {
    return false;
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
  return /^\/(tmp|dev\/shm)\/./.test(cwd) ? cwd : '';
}

export const sandboxRoot = (record: SandboxRecord): string => `/proc/${record.initPid}/root`;
