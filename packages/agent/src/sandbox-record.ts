// What is known of the sandboxes of a node, from the files in their folders: any agent process can find them again.
import { readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { SpInitClient } from '@stillpoint/sp-init';
import type { ClockOffsets } from './clock.ts';
import type { Freezer } from './freezer.ts';
import { limits } from './limits.ts';
import { type MemberAddresses, memberAddresses, memberNamespace } from './network.ts';
import type { HomePaths } from './paths.ts';

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

export const recordName = 'sandbox.json';
export const ownerName = 'owner.json';

const sandboxesFolder = (paths: HomePaths): string => join(paths.runtime, 'sandboxes');
export const controlSocket = (slot: SandboxSlot): string => join(slot.folder, 'control');
export const exitFile = (slot: SandboxSlot): string => join(slot.folder, 'exit.json');

/** The slot of a number on a node, whether it is in use or not. */
export function sandboxSlot(
  paths: HomePaths,
  freezer: Freezer,
  node: string,
  nodeIndex: number,
  slot: number,
): SandboxSlot {
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

/** How the member ended, or undefined while it runs. */
export function readExit(slot: SandboxSlot): Promise<{ code: number; signal: number } | undefined> {
  return readJson(exitFile(slot));
}

/** Talks to the sandbox's PID 1. */
export function connectInit(record: SandboxRecord): Promise<SpInitClient> {
  return SpInitClient.connect(controlSocket(record.slot), { deadlineMs: limits.helperCommandMs });
}

/** A reserved slot, and its sandbox once that was launched. */
export interface UsedSlot extends SlotOwner {
  readonly slot: SandboxSlot;
  readonly sandbox?: SandboxRecord;
}

/** Slots of a node that are reserved, whether anything runs there or not. */
export async function listUsedSlots(paths: HomePaths, node: string): Promise<UsedSlot[]> {
  return (await listSlots(paths)).filter(({ slot }) => slot.node === node);
}

/** The same of all nodes of this machine. */
export async function listSlots(paths: HomePaths): Promise<UsedSlot[]> {
  const found: UsedSlot[] = [];
  for (const name of await namesIn(sandboxesFolder(paths))) {
    const folder = join(sandboxesFolder(paths), name);
    const owner = await readJson<UsedSlot>(join(folder, ownerName));
    if (owner === undefined) continue;
    const sandbox = await readRecord(folder);
    found.push(sandbox === undefined ? owner : { ...owner, sandbox });
  }
  return found;
}

/** Command prefix that enters all of a sandbox's namespaces. */
export const enterSandbox = (record: SandboxRecord): string[] => [
  '-t',
  String(record.initPid),
  '-m',
  '-u',
  '-i',
  '-n',
  '-p',
  '-T',
];

export const sandboxRoot = (record: SandboxRecord): string => `/proc/${record.initPid}/root`;

export const readRecord = (folder: string): Promise<SandboxRecord | undefined> =>
  readJson<SandboxRecord>(join(folder, recordName));

export async function writeRecord(folder: string, name: string, value: unknown): Promise<void> {
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

/** Whether the sandbox still has its place, alive or not: one that was given back may be another's. */
export async function isSandboxThere(record: SandboxRecord): Promise<boolean> {
  const found = await readRecord(record.slot.folder);
  const identity = ['gang', 'incarnation', 'member', 'initPid'] as const;
  return found !== undefined && identity.every((name) => found[name] === record[name]);
}

async function isSandboxInit(record: SandboxRecord): Promise<boolean> {
  try {
    return (await readFile(`/proc/${record.initPid}/cmdline`, 'utf8')).includes(controlSocket(record.slot));
  } catch {
    return false;
  }
}
