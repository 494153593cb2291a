// What a predecessor left of a gang is finished or given up: in the order in which one thing waits for another.
import type { Coordinator } from './coordinator.ts';
import { lostExitCode } from './endings.ts';
import { GaveUp } from './errors.ts';
import type { Gang } from './gang.ts';

/**
 * Ends when nothing of the gang is left to be finished. What it begins it begins before it first waits, so that news
 * of nodes find it under way.
 */
export async function recoverGang(coordinator: Coordinator, gang: Gang): Promise<void> {
  const { checkpoints, moves, periodic, retention, context } = coordinator;
  // 1. an epoch that is open: no decision, and it is aborted; `commit`, and it is finished
  const open = gang.epochs.find(({ closed }) => closed === undefined);
  if (open !== undefined) checkpoints.recover(gang, open);

  // 2. the latest incarnation: begun half way, ended half way, or running
  await recoverIncarnation(coordinator, gang);

  // 3. a migration goes on from the checkpoint that stopped the gang
  await moves.recover(gang);
  await retention.recover(gang);
  if (context.gangs.find(gang.name) === gang) periodic.watch(gang);
}

async function recoverIncarnation(coordinator: Coordinator, gang: Gang): Promise<void> {
  const { starts, attempts, endings, context } = coordinator;
  const { current } = gang;
  const isRestore = current?.opened.from !== undefined;
  if (current === undefined) return starts.recover(gang);
  if (gang.isDead) {
    // abandoned, and perhaps not yet said so
    if (current.ending === undefined && isRestore) await givenUp(attempts.recover(gang, current));
    else if (current.ending === undefined) await starts.recover(gang);
  } else if (current.ending !== undefined) {
    const ended = endings.end(gang, current.ending);
    // it made way for an attempt that was never opened, and for which places were reserved: later ones have higher numbers
    const neverOpened = await context.store.nextIncarnation(gang.id);
    await ended;
    const nodes = context.nodes.list().map(({ name }) => name);
    await attempts.discard(gang, neverOpened, nodes);
  } else if (current.outcome === undefined && !isRestore) await starts.recover(gang);
  else if (!current.isRunning && isRestore) await givenUp(attempts.recover(gang, current));
  else findKilledNodes(coordinator, gang);

  async function givenUp(recovery: Promise<void>): Promise<void> {
    try {
      await recovery;
    } catch (error) {
      if (!(error instanceof GaveUp)) throw error;
      context.log.warn({ gang: gang.name, err: error }, 'a restore was given up');
    }
  }
}

/** Nodes that were killed, and whose members nobody has missed yet. */
function findKilledNodes({ context, endings }: Coordinator, gang: Gang): void {
  const { current } = gang;
  if (current === undefined) return;
  for (const { member, node } of current.opened.placement) {
    if (context.nodes.find(node) !== undefined) continue;
    const reason = `node ${node} was killed, with member ${member} on it`;
    endings.memberEnded(gang, current.incarnation, member, lostExitCode, reason);
  }
}
