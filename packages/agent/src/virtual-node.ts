// Virtual nodes: several nodes on one machine, each a network namespace with an agent of its own. Made, started,
// killed at once and removed here. A killed virtual node loses what a real one loses with its power, but for staging,
// which all nodes of the machine share.
import { spawn } from 'node:child_process';
import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { holdExclusively } from '@stillpoint/bus';
import { AgentStartFailed, NodeKillTimeout, NodeMakeTimeout } from './errors.ts';
import {
  everyFreezer,
  type Freezer,
  killIfAlive,
  listCgroups,
  removeCgroup,
  removeFreezerRoot,
  thaw,
} from './freezer.ts';
import { limits } from './limits.ts';
import {
  deleteNamespace,
  ensureNodeNetwork,
  fabricNamespace,
  listNamespaces,
  memberNamespace,
  namespacePath,
  nodeNamespace,
  processesIn,
  unplugNode,
} from './network.ts';
import { type HomePaths, nodeRuntime, nodeSocket } from './paths.ts';
import { mountStaging, unmountStaging } from './staging.ts';
import { prepareTools } from './tools.ts';

export interface VirtualNode {
  readonly name: string;
  /** 1 to 250, unique in the state folder: the node's subnet. */
  readonly index: number;
  /** Shifts CLOCK_MONOTONIC and CLOCK_BOOTTIME of what is started on the node, as another machine's would be. */
  readonly monotonicOffsetSeconds?: number;
}

const agentProgram = fileURLToPath(new URL('./main.ts', import.meta.url));

/**
 * Makes the node's network and what all nodes of the machine share (tools, staging). Does nothing the second time. Nodes
 * are made one at a time, by whichever process: those that come up together would make what they share twice.
 */
export async function createVirtualNode(paths: HomePaths, node: VirtualNode): Promise<void> {
  const release = await turnToMake(paths, node);
  try {
    await mkdir(nodeRuntime(paths, node.name), { recursive: true, mode: 0o700 });
    await prepareTools(paths);
    await mountStaging(paths);
    await ensureNodeNetwork(paths, node.name, node.index);
  } finally {
    await release();
  }
}

async function turnToMake(paths: HomePaths, node: VirtualNode): Promise<() => Promise<void>> {
  const end = performance.now() + limits.makeTurnMs;
  for (;;) {
    const release = await holdExclusively(`stillpoint-make-${paths.tag}`);
    if (release !== undefined) return release;
    if (performance.now() > end) throw new NodeMakeTimeout(node.name, limits.makeTurnMs);
    await delay(limits.agentStartPollMs);
  }
}

/**
 * Starts the node's agent, apart from the caller, and returns once it answers. Does nothing when one answers already.
 * @throws AgentStartFailed with the end of its log
 */
export async function startAgent(paths: HomePaths, node: VirtualNode): Promise<void> {
  if (await answers(nodeSocket(paths, node.name))) return;
  const logPath = join(paths.home, 'nodes', `${node.name}.log`);
  await mkdir(dirname(logPath), { recursive: true });
  const log = await open(logPath, 'a');
  const args = [
    `--net=${namespacePath(nodeNamespace(paths, node.name))}`,
    process.execPath,
    agentProgram,
    '--home',
    paths.home,
    '--node',
    node.name,
    '--index',
    String(node.index),
    '--monotonic-offset',
    String(node.monotonicOffsetSeconds ?? 0),
  ];
  const child = spawn('nsenter', args, { detached: true, cwd: '/', stdio: ['ignore', log.fd, log.fd] });
  let ended = false;
  child.once('error', () => (ended = true));
  child.once('exit', () => (ended = true));
  child.unref();
  await log.close();
  const end = performance.now() + limits.agentStartMs;
  while (!(await answers(nodeSocket(paths, node.name)))) {
    if (ended || performance.now() > end) throw new AgentStartFailed(node.name, await tail(logPath), logPath);
    await delay(limits.agentStartPollMs);
  }
}

/**
 * Ends everything on the node at once, as a power cut would: its cable is dead, so that no peer hears of it; SIGKILL
 * to its agent and to every process in its namespaces; then its networks, cgroups and run-time files go.
 */
export async function killVirtualNode(paths: HomePaths, node: string): Promise<void> {
  if ((await listNamespaces(paths)).includes(nodeNamespace(paths, node))) await unplugNode(paths, node);
  const end = performance.now() + limits.killMs;
  for (;;) {
    // listed anew: until its agent is dead it makes and removes members
    const pids = await processesIn(await nodeNamespaces(paths, node));
    if (pids.length === 0) break;
    if (performance.now() > end) throw new NodeKillTimeout(node, pids);
    for (const pid of pids) killIfAlive(pid);
    for (const { freezer, name } of await nodeSandboxes(paths, node))
      await thaw(freezer, join(freezer.root, name));
    await delay(limits.freezePollMs);
  }
  await removeNodeRemains(paths, node);
}

/**
 * Removes what a state folder left behind on this machine: networks, cgroups and run-time files of nodes that are
 * not among `nodes`. Processes that still run on them are killed.
 */
export async function cleanLeftovers(paths: HomePaths, nodes: readonly string[]): Promise<string[]> {
  const prefix = `sp-${paths.tag}-`;
  const found = new Set<string>();
  for (const name of await listNamespaces(paths)) {
    const node =
      /^n-(.+)$/.exec(name.slice(prefix.length))?.[1] ?? /^m-(.+)-\d+$/.exec(name.slice(prefix.length))?.[1];
    if (node !== undefined && !nodes.includes(node)) found.add(node);
  }
  for (const node of found) await killVirtualNode(paths, node);
  if (nodes.length === 0) await removeMachineRemains(paths);
  return [...found];
}

async function removeMachineRemains(paths: HomePaths): Promise<void> {
  const fabric = fabricNamespace(paths);
  if ((await listNamespaces(paths)).includes(fabric)) await deleteNamespace(fabric);
  for (const freezer of await everyFreezer(paths.tag)) await removeFreezerRoot(freezer);
  await unmountStaging(paths);
  await rm(paths.runtime, { recursive: true, force: true });
}

async function removeNodeRemains(paths: HomePaths, node: string): Promise<void> {
  for (const name of await nodeNamespaces(paths, node)) await deleteNamespace(name);
  for (const { freezer, name } of await nodeSandboxes(paths, node)) {
    await removeCgroup(join(freezer.root, name));
    await rm(join(paths.runtime, 'sandboxes', name), { recursive: true, force: true });
  }
  await rm(nodeRuntime(paths, node), { recursive: true, force: true });
  await rm(nodeSocket(paths, node), { force: true });
}

async function nodeNamespaces(paths: HomePaths, node: string): Promise<string[]> {
  const member = new RegExp(`^${memberNamespace(paths, node, 0).slice(0, -1)}\\d+$`);
  return (await listNamespaces(paths)).filter(
    (name) => name === nodeNamespace(paths, node) || member.test(name),
  );
}

/** Sandboxes of the node that have a cgroup. */
async function nodeSandboxes(
  paths: HomePaths,
  node: string,
): Promise<{ readonly freezer: Freezer; readonly name: string }[]> {
  const pattern = new RegExp(`^${node}-(hook-)?\\d+$`);
  const found = [];
  for (const freezer of await everyFreezer(paths.tag))
    for (const name of await listCgroups(freezer)) if (pattern.test(name)) found.push({ freezer, name });
  return found;
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

async function tail(path: string): Promise<string> {
  return (await readFile(path, 'utf8')).trim().split('\n').slice(-5).join('\n');
}
