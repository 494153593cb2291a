// What makes a checkpoint of a member impossible, found while it runs and before anything is done to it.
import { readFile, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Blocker,
  type KernelSocket,
  memberId,
  nodeName,
  type OutsidePolicy,
  type VaultRoom,
} from '@stillpoint/protocol';
import type { Vault } from '@stillpoint/vault';
import { type Descriptor, openDescriptors } from './descriptors.ts';
import { exec } from './exec.ts';
import { sharedFifos } from './fifos.ts';
import { cgroupProcesses } from './freezer.ts';
import { haltedProcesses } from './halted-processes.ts';
import { holdBudgetMs, longestHoldMs, readSocketTimers } from './hold-budget.ts';
import type { MemberContext } from './member-cut.ts';
import { ownMounts } from './own-mounts.ts';
import { enterSandbox, isSandboxAlive, type SandboxRecord } from './sandbox-record.ts';
import { listSockets } from './sockets.ts';
import { strayProcesses } from './stray-processes.ts';
import { socketsLeadingOut } from './unix-sockets.ts';

/** What preflight found of one member. */
export interface PreflightResult {
  readonly blockers: readonly Blocker[];
  /** How long the member may be held. */
  readonly holdBudgetMs: number;
  readonly room: VaultRoom;
}

/** Device files that CRIU can dump. */
const harmlessDevices = /^\/dev\/(null|zero|full|random|urandom|tty|ptmx|console|pts\/\d+|shm\/.*)$/;

/** Looks at a member of the gang while it runs. Changes nothing. One that has ended, or ends meanwhile, is a blocker. */
export async function preflightMember(
  context: MemberContext,
  vault: Pick<Vault, 'freeBytes'>,
  outside: OutsidePolicy,
): Promise<PreflightResult> {
  const { record } = context;
  const vaultFreeBytes = await vault.freeBytes();
  const pids = await cgroupProcesses(record.slot.cgroup);
  if (pids.length === 0) return gone(record, vaultFreeBytes);
  try {
    const imageBytes = await privateBytes(pids);
    const descriptors = await openDescriptors(pids);
    const found = await Promise.all([
      ipcBlockers(record),
      unixBlockers(record, descriptors),
      fifoBlockers(record, descriptors),
      sandboxBlockers(record, pids),
      outside === 'refuse' ? outsideBlockers(record) : [],
      roomBlockers(context, imageBytes),
    ]);
    return {
      blockers: [...descriptorBlockers(record, descriptors), ...found.flat()],
      holdBudgetMs: holdBudgetMs(await readSocketTimers(pids)),
      room: { imageBytes, vaultFreeBytes },
    };
  } catch (error) {
    if (await isSandboxAlive(record)) throw error;
    return gone(record, vaultFreeBytes);
  }
}

function gone(record: SandboxRecord, vaultFreeBytes: number): PreflightResult {
  const remedy = 'See `stillpoint show` for how it ended.';
  const blockers = [blocker(record, 'SP_MEMBER_GONE', 'has no process any more', remedy)];
  return { blockers, holdBudgetMs: longestHoldMs(), room: { imageBytes: 0, vaultFreeBytes } };
}

function blocker(record: SandboxRecord, code: string, what: string, remedy: string): Blocker {
  return {
    code,
    member: memberId(record.member),
    node: nodeName(record.slot.node),
    message: `member ${record.member} ${what}`,
    remedy,
  };
}

function descriptorBlockers(record: SandboxRecord, descriptors: readonly Descriptor[]): Blocker[] {
  const found = new Map<string, Blocker>();
  for (const { pid, target } of descriptors) {
    if (found.has(target)) continue;
    const cause = causeOf(target);
    if (cause !== undefined)
      found.set(target, blocker(record, cause.code, `(process ${pid}) ${cause.what}`, cause.remedy));
  }
  return [...found.values()];
}

function causeOf(target: string): { code: string; what: string; remedy: string } | undefined {
  if (target === 'anon_inode:[io_uring]') {
    const remedy =
      'Switch io_uring off in the program or library (for libuv: UV_USE_IO_URING=0): its state cannot be saved.';
    return { code: 'SP_BLOCKED_IO_URING', what: 'has an io_uring open', remedy };
  }
  if (target.startsWith('/dev/infiniband/')) {
    const remedy =
      'Run the job over TCP (NCCL_IB_DISABLE=1), or let the NCCL gate close RDMA before the cut.';
    return { code: 'SP_BLOCKED_RDMA', what: `has ${target} open`, remedy };
  }
  if (target.startsWith('/dev/') && !harmlessDevices.test(target)) {
    return {
      code: 'SP_BLOCKED_DEVICE',
      what: `has the device ${target} open`,
      remedy: 'Close the device before a checkpoint: its state cannot be saved.',
    };
  }
  return undefined;
}

/** System V objects belong to the sandbox's ipc namespace, which is not part of the images. */
async function ipcBlockers(record: SandboxRecord): Promise<Blocker[]> {
  const kinds = ['shm', 'sem', 'msg'].map((kind) => `/proc/sysvipc/${kind}`);
  const { stdout } = await exec('nsenter', [...enterSandbox(record), 'tail', '-qn', '+2', ...kinds]);
  if (stdout.trim() === '') return [];
  const remedy = 'Use POSIX shared memory (/dev/shm) instead; remove stale objects with ipcrm.';
  return [
    blocker(
      record,
      'SP_BLOCKED_SYSV_IPC',
      'uses System V shared memory, semaphores or message queues',
      remedy,
    ),
  ];
}

/**
 * Connections to whoever is not of the member: another member, or a service of the machine. Both ends of a connection
 * are in the network namespace of whoever made it, so between two members it is found with that one.
 */
async function unixBlockers(record: SandboxRecord, descriptors: readonly Descriptor[]): Promise<Blocker[]> {
  const { namespace, cgroup } = record.slot;
  const suspects = await socketsLeadingOut(namespace, descriptors);
  if (suspects.length === 0) return [];
  // one that was made, or handed to a new process, while it was looked for leads nowhere at the second look
  const again = await socketsLeadingOut(namespace, await openDescriptors(await cgroupProcesses(cgroup)));
  const remedy =
    'Connect members over TCP, and close what is connected to a service of the machine (syslog, D-Bus) before a checkpoint.';
  return again
    .filter(({ inode }) => suspects.some((suspect) => suspect.inode === inode))
    .map(({ path = 'without a name' }) =>
      blocker(
        record,
        'SP_BLOCKED_UNIX',
        `has a unix socket (${path}) connected to outside of the member`,
        remedy,
      ),
    );
}

async function fifoBlockers(record: SandboxRecord, descriptors: readonly Descriptor[]): Promise<Blocker[]> {
  const remedy = 'Make the named pipe below /tmp, of which each member has its own, or connect over TCP.';
  return (await sharedFifos(descriptors, record.keptFolder)).map((path) =>
    blocker(record, 'SP_BLOCKED_FIFO', `has the named pipe ${path} open, which others may use`, remedy),
  );
}

async function sandboxBlockers(record: SandboxRecord, pids: readonly number[]): Promise<Blocker[]> {
  const found = await Promise.all([
    haltedProcesses(pids),
    strayProcesses(record.initPid, pids),
    ownMounts(record),
  ]);
  return found.flat().map(({ code, what, remedy }) => blocker(record, code, what, remedy));
}

async function outsideBlockers(record: SandboxRecord): Promise<Blocker[]> {
  const inside = await gangAddresses(record);
  const sockets = await listSockets(record.slot.namespace);
  return sockets
    .filter((socket) => isOutside(socket, inside))
    .map((socket) => {
      const peer = `${socket.remote.address} port ${socket.remote.port}`;
      const remedy =
        'End the connection, or choose `--outside close` (the restored program sees a reset) or `--outside keep` (right only for --stop, restored once with the same address).';
      return blocker(
        record,
        'SP_BLOCKED_OUTSIDE',
        `is connected to ${peer}, outside the gang (state ${socket.state})`,
        remedy,
      );
    });
}

function isOutside(socket: KernelSocket, inside: ReadonlySet<string>): boolean {
  const { address } = socket.remote;
  if (socket.state === 'CLOSE') return false;
  return !(
    inside.has(address) ||
    address.startsWith('127.') ||
    address === '::1' ||
    address === '*' ||
    address === '0.0.0.0' ||
    address === '::'
  );
}

/** The addresses of all members stand in each sandbox's hosts file. */
async function gangAddresses(record: SandboxRecord): Promise<Set<string>> {
  const hosts = await readFile(join(record.slot.folder, 'hosts'), 'utf8');
  const addresses = hosts.split('\n').flatMap((line) => /^([0-9a-f.:]+)\s/.exec(line)?.[1] ?? []);
  return new Set([...addresses, record.slot.addresses.ipv4, record.slot.addresses.ipv6]);
}

/** Images are about as large as the memory of the member's processes. */
async function roomBlockers({ paths, record }: MemberContext, neededBytes: number): Promise<Blocker[]> {
  const staging = await statfs(paths.staging);
  const freeBytes = staging.bavail * staging.bsize;
  if (freeBytes > neededBytes) return [];
  const remedy =
    'Free memory, wait until earlier epochs are in the vault, or give STILLPOINT_STAGING_SIZE a larger value.';
  const what = `needs about ${toMiB(neededBytes)} MiB in ${paths.staging}, which has ${toMiB(freeBytes)} MiB free`;
  return [blocker(record, 'SP_STAGING_FULL', what, remedy)];
}

/** Anonymous and shared memory of the processes, in bytes: what CRIU has to write. */
export async function privateBytes(pids: readonly number[]): Promise<number> {
  let kibibytes = 0;
  for (const pid of pids) {
    try {
      const status = await readFile(`/proc/${pid}/status`, 'utf8');
      for (const name of ['RssAnon', 'RssShmem'])
        kibibytes += Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? 0);
    } catch {
      continue; // it has ended meanwhile
    }
  }
  return kibibytes * 1024;
}

const toMiB = (bytes: number): number => Math.ceil(bytes / 1024 / 1024);
