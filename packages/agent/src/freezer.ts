// The cgroup freezer, v1 and v2. A frozen cgroup stays frozen when its agent dies.
import { access, constants, mkdir, readFile, readdir, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { FreezeTimeout, NoFreezer } from './errors.ts';
import { limits } from './limits.ts';

export type FreezerVersion = 'v1' | 'v2';

/** Where cgroups of one state folder are made, and by which interface they freeze. */
export interface Freezer {
  readonly version: FreezerVersion;
  /** Folder of this state folder's cgroups, as a path of the host. */
  readonly root: string;
}

interface Mount {
  readonly point: string;
  readonly type: string;
  readonly options: readonly string[];
}

async function cgroupMounts(): Promise<Mount[]> {
  const text = await readFile('/proc/self/mounts', 'utf8');
  return text.split('\n').flatMap((line) => {
    const [, point, type, options] = line.split(' ');
    return point !== undefined && (type === 'cgroup' || type === 'cgroup2')
      ? [{ point, type, options: (options ?? '').split(',') }]
      : [];
  });
}

/** What STILLPOINT_CGROUP asks for, if anything. */
function wantedVersion(): FreezerVersion | undefined {
  const wanted = process.env['STILLPOINT_CGROUP'];
  return wanted === 'v1' || wanted === 'v2' ? wanted : undefined;
}

const isFreezerOf: Readonly<Record<FreezerVersion, (mount: Mount) => boolean>> = {
  v1: ({ type, options }) => type === 'cgroup' && options.includes('freezer'),
  v2: ({ type }) => type === 'cgroup2',
};

const rootIn = (mount: Mount, tag: string): string => join(mount.point, 'stillpoint', tag);

/**
 * Finds the freezer to use: the v1 freezer where it is mounted, else v2; `wanted` (or STILLPOINT_CGROUP) asks for one.
 * @throws NoFreezer when there is none that can be written to
 */
export async function findFreezer(tag: string, wanted = wantedVersion()): Promise<Freezer> {
  const mounts = await cgroupMounts();
  const version: FreezerVersion = wanted ?? (mounts.some(isFreezerOf.v1) ? 'v1' : 'v2');
  const mount = mounts.find(isFreezerOf[version]);
  if (mount === undefined) throw new NoFreezer(`cgroup ${version} is not mounted`);
  try {
    await access(mount.point, constants.W_OK);
  } catch {
    throw new NoFreezer(`${mount.point} is not writable`);
  }
  return { version, root: rootIn(mount, tag) };
}

/** Every freezer in which the state folder may have cgroups: it may have been used with the other version before. */
export async function everyFreezer(tag: string): Promise<Freezer[]> {
  const mounts = await cgroupMounts();
  return (['v1', 'v2'] as const).flatMap((version) => {
    const mount = mounts.find(isFreezerOf[version]);
    return mount === undefined ? [] : [{ version, root: rootIn(mount, tag) }];
  });
}

/** Makes the cgroup of one sandbox and returns its folder. */
export async function createCgroup(freezer: Freezer, name: string): Promise<string> {
  const folder = join(freezer.root, name);
  await mkdir(folder, { recursive: true });
  return folder;
}

/** Process ids (of the host's namespace) in the cgroup; empty when the cgroup is gone. */
export async function cgroupProcesses(cgroup: string): Promise<number[]> {
  try {
    const text = await readFile(join(cgroup, 'cgroup.procs'), 'utf8');
    return text.split('\n').filter(Boolean).map(Number);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

export async function isFrozen(freezer: Freezer, cgroup: string): Promise<boolean> {
  try {
    if (freezer.version === 'v1')
      return (await readFile(join(cgroup, orderFile.v1), 'utf8')).trim() === 'FROZEN';
    return /^frozen 1$/m.test(await readFile(join(cgroup, 'cgroup.events'), 'utf8'));
  } catch (error) {
    if (isGone(error)) return false;
    throw error;
  }
}

/** The file of a cgroup that says whether it is to be frozen. */
export const orderFile: Readonly<Record<FreezerVersion, string>> = {
  v1: 'freezer.state',
  v2: 'cgroup.freeze',
};

async function setFrozen({ version }: Freezer, cgroup: string, frozen: boolean): Promise<void> {
  const orders = version === 'v1' ? (['THAWED', 'FROZEN'] as const) : (['0', '1'] as const);
  await writeFile(join(cgroup, orderFile[version]), orders[frozen ? 1 : 0]);
}

/**
 * Freezes every process of the cgroup and returns once all are frozen.
 * @throws FreezeTimeout naming a process that would not freeze; the cgroup is then still freezing: thaw it
 */
export async function freeze(
  freezer: Freezer,
  cgroup: string,
  deadlineMs: number = limits.freezeMs,
): Promise<void> {
  const start = performance.now();
  await setFrozen(freezer, cgroup, true);
  while (!(await isFrozen(freezer, cgroup))) {
    const waitedMs = performance.now() - start;
    if (waitedMs > deadlineMs)
      throw new FreezeTimeout(cgroup, Math.round(waitedMs), await describeStuck(cgroup));
    await delay(limits.freezePollMs);
    // v1: processes forked meanwhile are caught by writing again.
    if (freezer.version === 'v1') await setFrozen(freezer, cgroup, true);
  }
}

/**
 * Whether the cgroup is frozen, or becomes so of its own accord: whoever let go of its processes asked for it before.
 * It is not asked for here, for then nobody would see that a process had run.
 */
export async function staysFrozen(freezer: Freezer, cgroup: string): Promise<boolean> {
  const end = performance.now() + limits.freezeMs;
  for (;;) {
    const order = (await readFile(join(cgroup, orderFile[freezer.version]), 'utf8')).trim();
    if (await isFrozen(freezer, cgroup)) return true;
    if (order === 'THAWED' || order === '0' || performance.now() > end) return false;
    await delay(limits.freezePollMs);
  }
}

/** Lets the cgroup's processes run. Does nothing when they run, or when the cgroup is gone. */
export async function thaw(freezer: Freezer, cgroup: string): Promise<void> {
  try {
    await setFrozen(freezer, cgroup, false);
  } catch (error) {
    if (!isGone(error)) throw error;
  }
}

/**
 * Kills every process of the cgroup, frozen ones too, and returns when they are gone.
 * They are frozen first, so that none can fork away; SIGKILL is sent, and only then are they thawed, so that none runs
 * another instruction.
 * @throws FreezeTimeout naming a process that does not die
 */
export async function killCgroup(freezer: Freezer, cgroup: string): Promise<void> {
  const end = performance.now() + limits.killMs;
  for (;;) {
    if ((await cgroupProcesses(cgroup)).length === 0) return;
    if (performance.now() > end)
      throw new FreezeTimeout(`${cgroup}: killed processes`, limits.killMs, await describeStuck(cgroup));
    await freezeIfPossible(freezer, cgroup);
    for (const pid of await cgroupProcesses(cgroup)) killIfAlive(pid);
    await thaw(freezer, cgroup);
    await delay(limits.freezePollMs);
  }
}

/** One process that hangs in the kernel must not keep the others alive. */
async function freezeIfPossible(freezer: Freezer, cgroup: string): Promise<void> {
  try {
    await freeze(freezer, cgroup);
  } catch (error) {
    if (!(error instanceof FreezeTimeout) && !isGone(error)) throw error;
  }
}

/** Removes the sandbox's cgroup, whose processes are dead: waits a bounded time until the kernel has let go of them. */
export async function removeCgroup(cgroup: string): Promise<void> {
  const end = performance.now() + limits.killMs;
  for (;;) {
    try {
      await rmdir(cgroup);
      return;
    } catch (error) {
      if (isGone(error)) return;
      if ((error as NodeJS.ErrnoException).code !== 'EBUSY' || performance.now() > end) throw error;
    }
    await delay(limits.freezePollMs);
  }
}

/** Names of the sandboxes of this state folder that have a cgroup. */
export async function listCgroups(freezer: Freezer): Promise<string[]> {
  try {
    const entries = await readdir(freezer.root, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

/** Removes the state folder's own cgroup and its parent once both are empty. */
export async function removeFreezerRoot(freezer: Freezer): Promise<void> {
  for (const folder of [freezer.root, dirname(freezer.root)]) {
    try {
      await rmdir(folder);
    } catch {
      return; // still in use, by us or by another state folder
    }
  }
}

/** SIGKILL; one that has ended meanwhile is dead already. */
export function killIfAlive(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function describeStuck(cgroup: string): Promise<string> {
  const found: string[] = [];
  for (const pid of await cgroupProcesses(cgroup)) {
    try {
      const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
      const match = /\((.*)\) (\S)/s.exec(stat);
      if (match?.[2] === 'D') found.push(`process ${pid} (${match[1] ?? ''}, state D)`);
    } catch {
      // it has ended meanwhile
    }
  }
  return found.length === 0 ? '' : `: ${found.slice(0, 5).join(', ')}`;
}

function isGone(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code;
  return code === 'ENOENT' || code === 'ENODEV';
}
