// What a state folder has on this machine: found, so that a test can prove that nothing is left, and ended at once.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, readlinkSync, rmSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { HomePaths } from '@stillpoint/agent';
import { until } from './until.ts';

interface RemainingProcess {
  readonly pid: number;
  readonly command: string;
}

export interface Remains {
  readonly processes: readonly RemainingProcess[];
  readonly namespaces: readonly string[];
  readonly cgroups: readonly string[];
  readonly mounts: readonly string[];
  /** Tables of the machine's own network; those in namespaces go with them. */
  readonly tables: readonly string[];
  readonly folders: readonly string[];
}

/** Looks for everything that belongs to the state folder. Its own files, which are to be kept, are not among it. */
export function findRemains(paths: HomePaths): Remains {
  const namespaces = namesIn('/run/netns').filter((name) => name.startsWith(`sp-${paths.tag}-`));
  return {
    processes: findProcesses(paths, namespaces),
    namespaces,
    cgroups: findCgroups(paths.tag),
    mounts: mountsOf(textOf('/proc/self/mounts')).filter((point) => point.startsWith(paths.runtime)),
    tables: output('nft', ['list', 'tables'])
      .split('\n')
      .filter((line) => line.includes('stillpoint')),
    folders: namesIn('/run/stillpoint').includes(paths.tag) ? [paths.runtime] : [],
  };
}

/** One line for each thing that is left; empty when there is nothing. */
export function describeRemains(remains: Remains): string[] {
  return [
    ...remains.processes.map(({ pid, command }) => `process ${pid}: ${command}`),
    ...remains.namespaces.map((name) => `network namespace ${name}`),
    ...remains.cgroups.map((folder) => `cgroup ${folder}`),
    ...remains.mounts.map((point) => `mount ${point}`),
    ...remains.tables.map((table) => `nftables ${table}`),
    ...remains.folders.map((folder) => `folder ${folder}`),
  ];
}

/**
 * What a power cut does: every process dies at once, and namespaces, cgroups, mounts and run-time files are gone.
 * The state folder stays as it is at that moment.
 */
export async function endRemains(paths: HomePaths): Promise<void> {
  await until(() => killOnce(paths), `the end of all processes of ${paths.home}`);
  const { namespaces, cgroups, mounts } = findRemains(paths);
  for (const name of namespaces) output('ip', ['netns', 'delete', name]);
  for (const folder of cgroups.toReversed())
    await until(() => removeFolder(folder), `the end of cgroup ${folder}`);
  for (const point of mounts.toReversed()) output('umount', ['-l', point]);
  rmSync(paths.runtime, { recursive: true, force: true });
}

/** @returns true when there is nothing to kill */
function killOnce(paths: HomePaths): true | undefined {
  const { processes, cgroups } = findRemains(paths);
  if (processes.length === 0) return true;
  for (const { pid } of processes) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // it has ended meanwhile
    }
  }
  for (const folder of cgroups) thaw(folder);
  return undefined;
}

/** A killed process that is frozen dies when it is thawed. */
function thaw(cgroup: string): void {
  for (const [file, word] of [
    ['freezer.state', 'THAWED'],
    ['cgroup.freeze', '0'],
  ] as const) {
    try {
      statSync(join(cgroup, file));
      writeFileSync(join(cgroup, file), word);
    } catch {
      // the other version's file, or the cgroup is gone
    }
  }
}

function removeFolder(folder: string): true {
  try {
    rmdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return true;
}

/** Those in its cgroups or networks, and those that name it in their arguments or environment; zombies are dead. */
function findProcesses(paths: HomePaths, namespaces: readonly string[]): RemainingProcess[] {
  const networks = new Set(namespaces.map((name) => `net:[${statSync(`/run/netns/${name}`).ino}]`));
  const found: RemainingProcess[] = [];
  for (const entry of namesIn('/proc')) {
    const pid = Number(entry);
    if (!Number.isInteger(pid) || pid === process.pid) continue;
    const command = textOf(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();
    if (command === '') continue; // a kernel thread or a zombie
    const isOurs =
      command.includes(paths.home) ||
      command.includes(paths.runtime) ||
      textOf(`/proc/${pid}/environ`).split('\0').includes(`STILLPOINT_HOME=${paths.home}`) ||
      textOf(`/proc/${pid}/cgroup`).includes(`/stillpoint/${paths.tag}`) ||
      networks.has(linkOf(`/proc/${pid}/ns/net`));
    if (isOurs) found.push({ pid, command });
  }
  return found;
}

/** The state folder's cgroups in every mounted hierarchy, parents before children. */
export function findCgroups(tag: string): string[] {
  return textOf('/proc/self/mounts')
    .split('\n')
    .filter((line) => /^\S+ \S+ cgroup2? /.test(line))
    .flatMap((line) => {
      const root = join(line.split(' ')[1] ?? '', 'stillpoint', tag);
      return isFolder(root) ? [root, ...subfolders(root)] : [];
    });
}

/** None of one that goes meanwhile. */
function subfolders(folder: string): string[] {
  const below = namesIn(folder).map((name) => join(folder, name));
  return below.filter(isFolder).flatMap((each) => [each, ...subfolders(each)]);
}

const mountsOf = (text: string): string[] => text.split('\n').map((line) => line.split(' ')[1] ?? '');

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // the process has ended, or may not be read
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function output(command: string, args: readonly string[]): string {
  const { stdout, stderr, status } = spawnSync(command, args, { encoding: 'utf8', timeout: 10_000 });
  if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
  return stdout;
}
