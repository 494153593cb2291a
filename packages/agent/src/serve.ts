// Puts an agent together: its members, its epochs and restores, the bus, the ledger and the vault.
import { join } from 'node:path';
import { type AgentListener, listenAsAgent, type NodeCommand } from '@stillpoint/bus';
import type { RestoreCommand } from '@stillpoint/protocol';
import { openFileLedger } from '@stillpoint/ledger';
import { openDirectoryVault } from '@stillpoint/vault';
import type { AgentLog } from './agent-log.ts';
import { EpochService } from './epoch-service.ts';
import { Fences } from './fences.ts';
import { findFreezer } from './freezer.ts';
import { longestHoldMs } from './hold-budget.ts';
import { ledgerDecisions, ledgerOutcomes } from './ledger-words.ts';
import { NodeMembers } from './node-members.ts';
import { type HomePaths, nodeRuntime, nodeSocket } from './paths.ts';
import { RestoreService } from './restore-service.ts';
import type { VirtualNode } from './virtual-node.ts';

export interface ServeOptions {
  readonly paths: HomePaths;
  readonly node: VirtualNode;
  readonly log: AgentLog;
}

/** Serves a node until it is closed. Members are not touched by that. */
export async function serveNode({ paths, node, log }: ServeOptions): Promise<{ close(): Promise<void> }> {
  longestHoldMs(); // a wrong setting is said before anything depends on it
  const freezer = await findFreezer(paths.tag);
  const [vault, ledger] = await Promise.all([openDirectoryVault(paths.vault), openFileLedger(paths.ledger)]);
  const bus: { listener?: AgentListener } = {};
  const broadcast: AgentListener['broadcast'] = (event) => bus.listener?.broadcast(event);
  const members = new NodeMembers(paths, freezer, node, (event) => {
    log.info({ gang: event.gang, member: event.member, exitCode: event.exitCode }, 'a member has ended');
    epochs.memberDied(event.gang, event.incarnation, event.member, `exit code ${event.exitCode}`);
    restores.memberDied(event.gang, event.incarnation, event.member, `exit code ${event.exitCode}`);
    broadcast(event);
  });
  const fences = new Fences(join(nodeRuntime(paths, node.name), 'seen'));
  const common = { paths, freezer, node: node.name, members, vault, fences, send: broadcast, log };
  const epochs = new EpochService(common, ledgerDecisions(ledger));
  const restores = new RestoreService(common, ledgerOutcomes(ledger));
  await members.recover();
  await epochs.recover();
  await restores.recover();
  const listener = await listenAsAgent(nodeSocket(paths, node.name), {
    onRequest: async (request) => {
      const answer = await members.answer(request);
      if (answer.kind === 'Removed' && request.kind === 'Remove')
        await restores.membersRemoved(request.gang, request.upTo);
      return answer;
    },
    onCommand: (command: NodeCommand) => {
      try {
        if (isRestoreCommand(command)) restores.command(command);
        else epochs.command(command);
      } catch (error) {
        // it was not written down, so it was not acted on: the coordinator says it again
        log.error({ command: command.kind, error: String(error) }, 'a command could not be taken');
      }
    },
  });
  bus.listener = listener;
  return {
    async close() {
      await listener.close();
      await ledger.close();
    },
  };
}

const restoreKinds: ReadonlySet<string> = new Set<RestoreCommand['kind']>([
  'RestorePreflight',
  'Prepare',
  'Restore',
  'Lift',
  'Abandon',
]);

const isRestoreCommand = (command: NodeCommand): command is RestoreCommand => restoreKinds.has(command.kind);
