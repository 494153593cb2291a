// The processes of members, as the machine numbers them.
import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { findRemains } from './remains.ts';
import type { Stillpoint } from './stillpoint.ts';

/** Processes of the member on a node in one of its places; sp-init is not among them. */
export function memberProcesses({ paths }: Stillpoint, node: string, place = 1): number[] {
  const cgroups = findRemains(paths).cgroups.filter((folder) => basename(folder) === `${node}-${place}`);
  const pids = cgroups.flatMap((folder) => readFileSync(join(folder, 'cgroup.procs'), 'utf8').split('\n'));
  return [...new Set(pids.filter(Boolean).map(Number))];
}
