// Virtual networks: one switch for all nodes of a state folder, one namespace a node, one a member. The host's
// own network is never touched: all of it is in named network namespaces that begin with sp-<tag>.
import { existsSync } from 'node:fs';
import { readdir, readlink, stat } from 'node:fs/promises';
import { exec } from './exec.ts';
import type { HomePaths } from './paths.ts';

/** Addresses of one member: it has one of each family. */
export interface MemberAddresses {
  readonly ipv4: string;
  readonly ipv6: string;
}

const ipv4Prefix = '10.233';
const ipv6Prefix = 'fd5a:7170';

/**
 * TCP's shortest wait before it sends again (RTO_min; Linux's own is 200 ms): what a member sends to one that is still
 * held is lost, and the gang stands still until it is repeated. Longer than an acknowledgement is delayed (40 ms).
 */
const rtoMin = '50ms';

/** Addresses of a member's slot (1..) on a node (1..). */
export function memberAddresses(nodeIndex: number, slot: number): MemberAddresses {
  return {
    ipv4: `${ipv4Prefix}.${nodeIndex}.${slot + 9}`,
    ipv6: `${ipv6Prefix}::${nodeIndex.toString(16)}:${(slot + 9).toString(16)}`,
  };
}

export const fabricNamespace = (paths: HomePaths): string => `sp-${paths.tag}-fabric`;
export const nodeNamespace = (paths: HomePaths, node: string): string => `sp-${paths.tag}-n-${node}`;
export const memberNamespace = (paths: HomePaths, node: string, slot: number): string =>
  `sp-${paths.tag}-m-${node}-${slot}`;
/** Path by which nsenter and CRIU find a named network namespace. */
export const namespacePath = (name: string): string => `/run/netns/${name}`;

/** Network namespaces of this state folder that exist now. */
export async function listNamespaces(paths: HomePaths): Promise<string[]> {
  const { stdout } = await exec('ip', ['netns', 'list']);
  return stdout
    .split('\n')
    .map((line) => line.split(' ')[0] ?? '')
    .filter((name) => name.startsWith(`sp-${paths.tag}-`));
}

/** Does nothing when it is gone already. */
export async function deleteNamespace(name: string): Promise<void> {
  try {
    await exec('ip', ['netns', 'delete', name]);
  } catch (error) {
    if (existsSync(namespacePath(name))) throw error;
  }
}

async function batch(namespace: string, lines: readonly string[]): Promise<void> {
  await exec('ip', ['-n', namespace, '-batch', '-'], { input: lines.join('\n') + '\n' });
}

/** Makes the switch that joins the nodes, unless it is there. */
async function ensureFabric(paths: HomePaths, existing: readonly string[]): Promise<void> {
  const fabric = fabricNamespace(paths);
  if (existing.includes(fabric)) return;
  await exec('ip', ['netns', 'add', fabric]);
  await batch(fabric, [
    'link set lo up',
    'link add switch type bridge forward_delay 0',
    'link set switch up',
  ]);
}

/**
 * Gives an interface of this machine to the switch: what is at its other end joins the members here with those of other
 * machines. Does nothing when it is there.
 *
 * @throws `SP_COMMAND_FAILED` when there is no such interface
 */
export async function plugUplink(paths: HomePaths, uplink: string): Promise<void> {
  const fabric = fabricNamespace(paths);
  const shown = await exec('ip', ['-n', fabric, '-oneline', 'link', 'show', 'dev', uplink], {
    accept: [0, 1],
  });
  if (shown.stdout === '') await exec('ip', ['link', 'set', uplink, 'netns', fabric]);
  await batch(fabric, [`link set ${uplink} master switch`, `link set ${uplink} up`]);
}

/** Makes a node's namespace and plugs it into the switch. Does nothing when it is there. */
export async function ensureNodeNetwork(paths: HomePaths, node: string, nodeIndex: number): Promise<void> {
  const existing = await listNamespaces(paths);
  await ensureFabric(paths, existing);
  const namespace = nodeNamespace(paths, node);
  if (existing.includes(namespace)) return;
  const fabric = fabricNamespace(paths);
  await exec('ip', ['netns', 'add', namespace]);
  await batch(fabric, [
    `link add n${nodeIndex} type veth peer name uplink netns ${namespace}`,
    `link set n${nodeIndex} master switch`,
    `link set n${nodeIndex} up`,
  ]);
  await batch(namespace, [
    'link set lo up',
    'link add switch type bridge forward_delay 0',
    'link set uplink master switch',
    'link set uplink up',
    'link set switch up',
    `address add ${ipv4Prefix}.${nodeIndex}.1/16 dev switch`,
    `address add ${ipv6Prefix}::${nodeIndex.toString(16)}:1/64 dev switch nodad`,
  ]);
}

/**
 * Pulls the node's cable, at once and at both ends: nothing reaches it, nothing leaves it any more, and the plug is
 * free for a successor of that name. Does nothing when it is out.
 */
export async function unplugNode(paths: HomePaths, node: string): Promise<void> {
  await exec('ip', ['-n', nodeNamespace(paths, node), 'link', 'delete', 'uplink'], { accept: [0, 1] });
}

/**
 * Whether somebody else has the name or the addresses of a member's place: whoever has an address answers at once
 * when a neighbour looks for it.
 */
export async function isPlaceTaken(
  paths: HomePaths,
  node: string,
  nodeIndex: number,
  slot: number,
): Promise<boolean> {
  if (existsSync(namespacePath(memberNamespace(paths, node, slot)))) return true;
  const { ipv4, ipv6 } = memberAddresses(nodeIndex, slot);
  const network = `--net=${namespacePath(nodeNamespace(paths, node))}`;
  const { stdout } = await exec('nsenter', [network, 'bash', '-c', probe, 'bash', ipv4, ipv6]);
  return stdout !== '';
}

/** Forgets who had the addresses, looks for them, and prints who has one now. */
const probe = `
printf 'neigh flush to %s\\n' "$@" | ip -batch - >/dev/null
for address; do echo >"/dev/udp/$address/9"; done 2>/dev/null
sleep 0.01
{ printf 'neigh show to %s\\n' "$@"; printf 'address show to %s\\n' "$@"; } | ip -oneline -batch - | grep -E 'lladdr|inet'
true
`;

/** Makes the network namespace of one member's sandbox with its addresses up. */
export async function createMemberNetwork(
  paths: HomePaths,
  node: string,
  nodeIndex: number,
  slot: number,
): Promise<string> {
  const name = memberNamespace(paths, node, slot);
  const addresses = memberAddresses(nodeIndex, slot);
  await exec('ip', ['netns', 'add', name]);
  const namespace = nodeNamespace(paths, node);
  await batch(namespace, [
    `link add m${slot} type veth peer name eth0 netns ${name}`,
    `link set m${slot} master switch`,
    `link set m${slot} up`,
  ]);
  await batch(name, [
    'link set lo up',
    'link set eth0 up',
    `address add ${addresses.ipv4}/16 dev eth0`,
    `address add ${addresses.ipv6}/64 dev eth0 nodad`,
    `route replace ${ipv4Prefix}.0.0/16 dev eth0 proto kernel scope link src ${addresses.ipv4} rto_min ${rtoMin}`,
    `route replace ${ipv6Prefix}::/64 dev eth0 proto kernel metric 256 rto_min ${rtoMin}`,
  ]);
  return name;
}

/**
 * Removes a member's network namespace. Its plug goes first, at once: the kernel takes a namespace apart in its own
 * time, and until then the plug's name would be taken. Does nothing to what is not there.
 */
export async function deleteMemberNetwork(paths: HomePaths, node: string, slot: number): Promise<void> {
  const existing = await listNamespaces(paths);
  const namespace = nodeNamespace(paths, node);
  if (existing.includes(namespace)) {
    await exec('ip', ['-n', namespace, 'link', 'delete', `m${slot}`], { accept: [0, 1] });
  }
  const name = memberNamespace(paths, node, slot);
  if (!existing.includes(name)) return;
  // sockets of dead programs that still wait for an acknowledgement would keep the namespace for minutes
  await exec('nsenter', [`--net=${namespacePath(name)}`, 'ss', '-Kta'], { accept: [0, 1, 255] });
  await deleteNamespace(name);
}

/** Processes whose network namespace is one of these. One that is gone by now has none. */
export async function processesIn(namespaces: readonly string[]): Promise<number[]> {
  const inodes = new Set<string>();
  for (const name of namespaces) {
    try {
      inodes.add(`net:[${(await stat(namespacePath(name))).ino}]`);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  const found: number[] = [];
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      if (inodes.has(await readlink(`/proc/${entry}/ns/net`))) found.push(Number(entry));
    } catch {
      // it has ended meanwhile, or is a zombie without namespaces
    }
  }
  return found;
}
