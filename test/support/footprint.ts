// What a Stillpoint takes of its machine at one moment, so that a test can prove that none of it grows.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { findRemains, type Remains } from './remains.ts';
import type { Stillpoint } from './stillpoint.ts';

export interface Footprint {
  /** How many there are of what has to stay the same, by what it is. */
  readonly counts: Readonly<Record<string, number>>;
  /** Size of the ledger, which keeps all that ever was. */
  readonly ledgerBytes: number;
}

/** Looks at everything that belongs to the state folder. */
export function takeFootprint({ paths }: Stillpoint): Footprint {
  const { processes, namespaces, cgroups, tables } = findRemains(paths);
  const counts: Record<string, number> = {
    processes: processes.length,
    zombies: zombiesOf(new Set(processes.map(({ pid }) => pid))),
    'network namespaces': namespaces.length,
    cgroups: cgroups.length,
    'nftables lines': tables.length,
    'files of the state folder': filesUnder(paths.home).length,
    'run-time files': filesUnder(paths.runtime).length,
  };
  for (const name of namespaces) counts['nftables lines']! += rulesIn(name);
  for (const process of processes) {
    const role = roleOf(process);
    count(counts, `descriptors of ${role}`, namesIn(`/proc/${process.pid}/fd`).length);
    count(counts, `threads of ${role}`, namesIn(`/proc/${process.pid}/task`).length);
    count(counts, `mounts seen by ${role}`, mountsOf(process.pid, paths.tag));
  }
  const ledgerBytes = readFileSync(join(paths.ledger, 'ledger.log')).length;
  return { counts, ledgerBytes };
}

/** What the coordinator and the agents have used so far, or use now. */
export interface OwnUse {
  /** CPU time of theirs, and of what they ran and waited for. */
  readonly cpuMs: number;
  /** Private memory, by process. */
  readonly residentBytes: Readonly<Record<string, number>>;
}

export function takeOwnUse({ paths }: Stillpoint): OwnUse {
  const own = findRemains(paths).processes.filter((process) => roleOf(process) !== 'members');
  return {
    cpuMs: own.reduce((sum, { pid }) => sum + cpuMsOf(pid), 0),
    residentBytes: Object.fromEntries(own.map((process) => [roleOf(process), residentBytesOf(process.pid)])),
  };
}

function count(counts: Record<string, number>, what: string, more: number): void {
  counts[what] = (counts[what] ?? 0) + more;
}

/** What Stillpoint's own processes are called; all others are of members: sp-init and what runs below it. */
function roleOf({ command }: Remains['processes'][number]): string {
  if (command.includes('coordinator/src/main.ts')) return 'the coordinator';
  const node = /agent\/src\/main\.ts .*--node (\S+)/.exec(command)?.[1];
  return node === undefined ? 'members' : `the agent of ${node}`;
}

/** Children of these that have ended and that nobody has asked for. */
function zombiesOf(parents: ReadonlySet<number>): number {
  return namesIn('/proc').filter((pid) => {
    const [, state, parent] = /^\d+ \(.*\) (\S) (\d+) /s.exec(textOf(`/proc/${pid}/stat`)) ?? [];
    return state === 'Z' && parents.has(Number(parent));
  }).length;
}

/** Mounts of something in the state folder's run-time folder, or at a place in it, as a process sees them. */
function mountsOf(pid: number, tag: string): number {
  return textOf(`/proc/${pid}/mountinfo`)
    .split('\n')
    .filter((line) => line.includes(`/stillpoint/${tag}/`)).length;
}

function rulesIn(namespace: string): number {
  const listed = execFileSync('ip', ['netns', 'exec', namespace, 'nft', 'list', 'ruleset'], {
    encoding: 'utf8',
  });
  return listed.split('\n').filter(Boolean).length;
}

function residentBytesOf(pid: number): number {
  const [, kilobytes] = /^RssAnon:\s+(\d+) kB$/m.exec(textOf(`/proc/${pid}/status`)) ?? [];
  if (kilobytes === undefined) throw new Error(`process ${pid} has no memory`);
  return Number(kilobytes) * 1024;
}

/** User and system time, its own and that of its children that have ended; the kernel counts in 10 ms. */
function cpuMsOf(pid: number): number {
  const afterName = textOf(`/proc/${pid}/stat`).split(') ').at(-1)?.split(' ') ?? [];
  return afterName.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks) * 10, 0);
}

function filesUnder(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name));
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // the process has ended
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return ''; // the process has ended
  }
}
