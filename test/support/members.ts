// The processes of members, as the machine numbers them.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { HomePaths } from '@stillpoint/agent';
import { findRemains } from './remains.ts';
import type { Stillpoint } from './stillpoint.ts';

/** Processes of the member on a node in one of its places; sp-init is not among them. */
export function memberProcesses({ paths }: Stillpoint, node: string, place = 1): number[] {
  const cgroups = findRemains(paths).cgroups.filter((folder) => basename(folder) === `${node}-${place}`);
  const pids = cgroups.flatMap((folder) => readFileSync(join(folder, 'cgroup.procs'), 'utf8').split('\n'));
  return [...new Set(pids.filter(Boolean).map(Number))];
}

export interface MemberStillness {
  readonly isFrozen: boolean;
  readonly isHeld: boolean;
}

/** How the members on a node stand, whatever its agent says of them; there has to be one. */
export function memberStillness({ paths }: Stillpoint, node: string): MemberStillness {
  const cgroups = findRemains(paths).cgroups.filter((folder) => placeOn(node).test(basename(folder)));
  if (cgroups.length === 0) throw new Error(`there is no member on ${node}`);
  return {
    isFrozen: cgroups.some(isCgroupFrozen),
    isHeld: cgroups.some((folder) => nft(paths, basename(folder), 'list tables').includes('stillpoint_')),
  };
}

const placeOn = (node: string): RegExp => new RegExp(`^${node}-\\d+$`);

/**
 * Loses packets that come to the member on a node, as a network may.
 *
 * @param which an nftables expression
 * @returns what ends it
 */
export function losePackets({ paths }: Stillpoint, node: string, which: string): () => void {
  const chain = `chain lossy { type filter hook input priority 0; ${which} drop; };`;
  nft(paths, `${node}-1`, `table inet lossy { ${chain} };`);
  return () => void nft(paths, `${node}-1`, 'delete table inet lossy');
}

function nft(paths: HomePaths, place: string, command: string): string {
  const network = `--net=/run/netns/sp-${paths.tag}-m-${place}`;
  const { stdout, stderr, status } = spawnSync('nsenter', [network, 'nft', command], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`nft ${command}: ${stderr}`);
  return stdout;
}

function isCgroupFrozen(folder: string): boolean {
  const [v1, v2] = [join(folder, 'freezer.state'), join(folder, 'cgroup.events')];
  if (existsSync(v1)) return readFileSync(v1, 'utf8').trim() === 'FROZEN';
  return existsSync(v2) && /^frozen 1$/m.test(readFileSync(v2, 'utf8'));
}
