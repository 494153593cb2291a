// Puts an agent together: its members, its epochs and restores, the bus, the ledger and the vault.
import { join } from 'node:path';
import { type AgentHandlers, type AgentListener, listenAsAgent } from '@stillpoint/bus';
import { systemClock } from '@stillpoint/clock';
import { type Ledger, openFileLedger } from '@stillpoint/ledger';
import { openDirectoryVault } from '@stillpoint/vault';
import { PartFolder, SeenFolder } from './agent-files.ts';
import type { AgentLog } from './agent-log.ts';
import { findFreezer } from './freezer.ts';
import { longestHoldMs } from './hold-budget.ts';
import { ledgerDecisions, ledgerOutcomes } from './ledger-words.ts';
import { newHoldId } from './member-cut.ts';
import { AgentMetrics } from './metrics.ts';
import { NodeAgent } from './node-agent.ts';
import { NodeMembers } from './node-members.ts';
import { type HomePaths, nodeRuntime, nodeSocket } from './paths.ts';
import { SandboxHost } from './sandbox-host.ts';
import { stagingRoom } from './staging.ts';
import type { VirtualNode } from './virtual-node.ts';

/** How the agent reaches its coordinators and the ledger. */
export interface Connections {
  listen(node: string, handlers: AgentHandlers): Promise<AgentListener>;
  openLedger(): Promise<Ledger>;
}

export interface ServeOptions {
  readonly paths: HomePaths;
  readonly node: VirtualNode;
  readonly log: AgentLog;
  readonly connections: Connections;
}

/** On one machine: a socket in the state folder, and the ledger in its file. */
export function localConnections(paths: HomePaths): Connections {
  return {
    listen: (node, handlers) => listenAsAgent(nodeSocket(paths, node), handlers),
    openLedger: () => openFileLedger(paths.ledger),
  };
}

export interface ServedNode {
  readonly metrics: AgentMetrics;
  close(): Promise<void>;
}

/** Serves a node until it is closed. Members are not touched by that. */
export async function serveNode({ paths, node, log, connections }: ServeOptions): Promise<ServedNode> {
  longestHoldMs(); // a wrong setting is said before anything depends on it
  const freezer = await findFreezer(paths.tag);
  const [vault, ledger] = await Promise.all([openDirectoryVault(paths.vault), connections.openLedger()]);
  const bus: { listener?: AgentListener } = {};
  const broadcast: AgentListener['broadcast'] = (event) => bus.listener?.broadcast(event);
  const members = new NodeMembers(paths, freezer, node, (event) => {
    const { gang, incarnation, member, exitCode } = event;
    log.info({ gang, incarnation, member, exitCode }, 'a member has ended');
    agent.memberDied(event, `exit code ${exitCode}`);
    broadcast(event);
  });
  const metrics = new AgentMetrics();
  metrics.addProcess();
  const folder = nodeRuntime(paths, node.name);
  const agent = new NodeAgent({
    node: node.name,
    clock: systemClock,
    host: new SandboxHost({ paths, freezer, node: node.name, members, vault }),
    epochs: new PartFolder(join(folder, 'epochs')),
    restores: new PartFolder(join(folder, 'restores')),
    seen: new SeenFolder(join(folder, 'seen')),
    decisions: ledgerDecisions(ledger),
    outcomes: ledgerOutcomes(ledger),
    newHoldId,
    send: broadcast,
    metrics,
    log,
  });
  metrics.show({
    members: () => members.states(),
    staging: () => stagingRoom(paths),
    inDoubt: () => agent.inDoubt(),
  });
  await members.recover();
  await agent.recover();
  const listener = await connections.listen(node.name, {
    onRequest: (request) => agent.request(request, (admitted) => members.answer(admitted)),
    onCommand: (command) => agent.command(command),
  });
  bus.listener = listener;
  return {
    metrics,
    async close() {
      await listener.close();
      await ledger.close();
    },
  };
}
