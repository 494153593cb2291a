// A coordinator: takes the lead over a state folder, finishes what its predecessor left, and serves its verbs.
import { type Clock, timeoutSignal } from '@stillpoint/clock';
import type { Ledger } from '@stillpoint/ledger';
import type { Vault } from '@stillpoint/vault';
import type { Logger } from 'pino';
import { Attempts } from './attempts.ts';
import { Checkpoints } from './checkpoints.ts';
import type { Context } from './context.ts';
import { Endings } from './endings.ts';
import { CoordinatorEnds } from './errors.ts';
import type { Gang } from './gang.ts';
import { Gangs } from './gangs.ts';
import { type HookCallers, HookRunner } from './hooks.ts';
import { limits } from './limits.ts';
import { CoordinatorMetrics } from './metrics.ts';
import { Moves } from './moves.ts';
import { Nodes } from './nodes.ts';
import { observedLedger } from './observed-ledger.ts';
import { Periodic } from './periodic.ts';
import { inBackground } from './persist.ts';
import type { NodePlatform } from './platform.ts';
import { recoverGang } from './recovery.ts';
import { Restores } from './restores.ts';
import { Retention } from './retention-keeper.ts';
import { sweepStaging, sweepVault } from './staging.ts';
import type { SharedFiles } from './shared-files.ts';
import { Starts } from './starts.ts';
import { Store } from './store.ts';
import { Watch } from './watch.ts';

export interface CoordinatorOptions {
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly vault: Vault;
  readonly platform: NodePlatform;
  readonly makeFiles: (context: Pick<Context, 'clock' | 'store' | 'vault'>) => SharedFiles;
  readonly hooks: HookCallers;
  readonly log: Logger;
  /** Of the process that it runs in; its own unless given. */
  readonly metrics?: CoordinatorMetrics;
  /** Called once when it can't go on: the process is to end, and a successor to start. */
  readonly onFatal: (error: unknown) => void;
}

/** The parts that verbs are made of. */
export interface Coordinator {
  readonly context: Context;
  readonly endings: Endings;
  readonly starts: Starts;
  readonly checkpoints: Checkpoints;
  readonly restores: Restores;
  readonly moves: Moves;
  readonly periodic: Periodic;
  readonly retention: Retention;
  readonly attempts: Attempts;
  readonly startedAtMs: number;
  /** Gives up what can be given up, lets go of nodes and ledger. Members run on. */
  close(): Promise<void>;
}

/** Takes the lead. Everything that was left open is on its way to its end when this returns. */
export async function startCoordinator(options: CoordinatorOptions): Promise<Coordinator> {
  const { clock, vault, platform, onFatal, metrics = new CoordinatorMetrics() } = options;
  const ledger = observedLedger(options.ledger, (error) => metrics.ledgerFailed(error));
  const closing = new AbortController();
  const fatal = (error: unknown): void => {
    if (closing.signal.aborted) return;
    options.log.fatal({ err: error }, 'this coordinator can not go on');
    closing.abort(error);
    onFatal(error);
  };
  // one that was deposed changes nothing any more: it must not stand in the way of the one that leads
  const store = await Store.open(ledger, fatal);
  // every line says under which fence it was
  const log = options.log.child({ fence: store.fence });
  log.info('this coordinator leads');
  const gangs = new Gangs(clock);
  const watch = new Watch(
    () => context,
    () => endings,
  );
  const nodes = new Nodes(store, { clock, platform, listener: watch, log });
  const context: Context = {
    clock,
    store,
    nodes,
    gangs,
    vault,
    platform,
    files: options.makeFiles({ clock, store, vault }),
    hooks: new HookRunner({ clock, callers: options.hooks, nodes, store }),
    log,
    metrics,
    closing: closing.signal,
    fatal,
  };
  metrics.show(context);
  const endings = new Endings(context);
  const starts = new Starts(context, endings);
  const retention = new Retention(context);
  const checkpoints = new Checkpoints(context, endings, retention);
  const attempts = new Attempts(context, endings);
  const restores = new Restores(context, { endings, starts, checkpoints, attempts });
  const moves = new Moves(context, checkpoints, restores);
  const periodic = new Periodic(context, checkpoints);
  const coordinator: Coordinator = {
    context,
    endings,
    starts,
    checkpoints,
    restores,
    moves,
    periodic,
    retention,
    attempts,
    startedAtMs: clock.wallMs(),
    close: () => close(context, closing, ledger),
  };
  for (const stored of await store.listGangs()) gangs.add(stored);
  await sweepVault(context);
  await sweepStaging(context);
  await nodes.start();
  for (const gang of gangs.list()) inBackground(context, recoverGang(coordinator, gang));
  await nodes.untilReady(limits.startNodesMs);
  return coordinator;
}

async function close(
  { clock, gangs, nodes, log }: Context,
  closing: AbortController,
  ledger: Ledger,
): Promise<void> {
  const signal = timeoutSignal(clock, limits.shutdownMs);
  await Promise.all(gangs.list().map((gang) => letGo(gang, signal)));
  closing.abort(new CoordinatorEnds());
  for (const gang of gangs.list()) {
    gang.epochRun?.abandonToSuccessor();
    gang.restoreRun?.abandonToSuccessor();
  }
  await nodes.close();
  await ledger.close();
  log.info('this coordinator has ended');
}

/** Members are not left held for as long as it takes their agents to notice. */
async function letGo(gang: Gang, signal: AbortSignal): Promise<void> {
  gang.epochRun?.abort('the coordinator ends');
  await gang.epochRun?.untilLetGo({ signal }).catch(() => undefined);
}
