// One cell: something is under way, a fault comes in one of its phases and goes after a while; then the gang trains on or is
// restored, nothing of it was frozen for longer than the bound, and it never ran twice.
import { setTimeout as delay } from 'node:timers/promises';
import type { CoordinatorClient, Progress } from '@stillpoint/coordinator';
import type { Service, TestCluster } from '../support/cluster.ts';
import type { TestGang } from '../support/gang.ts';
import { until } from '../support/until.ts';
import { type Cell, nameOf } from './cells.ts';
import { type Heal, inject } from './inject.ts';
import { Stillness } from '../support/stillness.ts';

export interface CellBounds {
  /** How long a target stands still, or is cut off. */
  readonly faultMs: number;
  /** How long something that was killed is away. */
  readonly awayMs: number;
  /** How long a member may stand still, counted from the end of the fault. */
  readonly stillMs: number;
}

export const bounds = {
  /** Longer than every deadline of the protocol that a fault can run into, but for those of dumps. */
  faultMs: 35_000,
  awayMs: 2_000,
  // the dead-man time, and a look at the ledger
  stillMs: 20_000,
} as const satisfies CellBounds;

/** `missed`: what was to be hit had ended by then, or the phase never came. */
export interface CellResult {
  readonly cell: Cell;
  readonly outcome: 'ran on' | 'restored' | 'missed' | 'WRONG';
  /** What went wrong, or what was missed. */
  readonly detail: string;
  /** Longest time that a member stood still after the fault had ended, in ms. */
  readonly stillMs: number;
  readonly tookMs: number;
}

const settleMs = 120_000;
const verbMs = 240_000;

export async function runCell(
  cluster: TestCluster,
  name: string,
  cell: Cell,
  { faultMs, awayMs, stillMs }: CellBounds = bounds,
): Promise<CellResult> {
  const startedMs = performance.now();
  await bringBack(cluster, name);
  const stillness = new Stillness(cluster.paths);
  const keeper = keepServices(cluster);
  let outcome: CellResult['outcome'] = 'missed';
  const problems: string[] = [];
  try {
    const leader = await cluster.leader();
    const fault = new Injection(cluster, leader, cell);
    const verb = perform(cluster.clientOf(leader), name, cell, (progress) => fault.at(progress.phase));
    await Promise.race([fault.begun, verb]);
    const heal = await fault.heal();
    if (heal !== undefined) {
      await delay(cell.fault === 'kill' ? awayMs : faultMs);
      stillness.countFromNow();
      await heal();
      keeper.start();
    }
    await withinMs(verb, verbMs, 'the end of the verb');
    const state = await until(() => settledState(cluster, name), 'a gang with nothing under way', settleMs);
    outcome = heal === undefined ? 'missed' : state === 'running' ? 'ran on' : 'restored';
    if (state !== 'running') await bringBack(cluster, name);
    await (await cluster.gang(name)).goOn(1);
  } catch (error) {
    problems.push((error as Error).message);
  } finally {
    keeper.start();
    await keeper.end();
  }
  const { longestMs, problems: seen } = await stillness.end();
  problems.push(...seen);
  if (longestMs > stillMs) problems.push(`a member stood still for ${Math.round(longestMs)} ms`);
  return {
    cell,
    outcome: problems.length > 0 ? 'WRONG' : outcome,
    detail: problems.join('; '),
    stillMs: Math.round(longestMs),
    tookMs: Math.round(performance.now() - startedMs),
  };
}

/** The fault, once the phase has come. */
class Injection {
  readonly begun: Promise<void>;
  readonly #cluster: TestCluster;
  readonly #leader: Service;
  readonly #cell: Cell;
  #injected: Promise<Heal | undefined> | undefined;
  readonly #begin: () => void;

  constructor(cluster: TestCluster, leader: Service, cell: Cell) {
    this.#cluster = cluster;
    this.#leader = leader;
    this.#cell = cell;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.begun = promise;
    this.#begin = resolve;
  }

  at(phase: string): void {
    if (phase !== this.#cell.phase || this.#injected !== undefined) return;
    this.#injected = inject(this.#cluster, this.#leader, this.#cell);
    this.#injected.then(this.#begin, this.#begin);
  }

  /** @returns undefined when nothing was hit */
  heal(): Promise<Heal | undefined> {
    return this.#injected ?? Promise.resolve(undefined);
  }
}

/** Does what the cell is about. How it ends is the coordinator's to say: here it only has to end. */
async function perform(
  client: CoordinatorClient,
  name: string,
  { operation }: Cell,
  onProgress: (progress: Progress) => void,
): Promise<void> {
  const verb =
    operation === 'restore'
      ? client.restore(name, {}, { onProgress })
      : client.checkpoint(name, { outcome: operation }, { onProgress });
  await verb.then(
    () => undefined,
    () => undefined,
  );
}

/** Waits until the gang runs, and has an epoch to come back to. */
async function bringBack(cluster: TestCluster, name: string): Promise<void> {
  const gang = await cluster.gang(name);
  await until(() => settledState(cluster, name), 'a gang with nothing under way', settleMs);
  const { state, lastPublishedEpoch } = await gang.show();
  if (state !== 'running') await retrying(async () => void (await (await cluster.gang(name)).restore()));
  else if (lastPublishedEpoch === undefined) await retrying(async () => void (await gang.checkpoint()));
}

/** What fails for a passing reason is tried again, as its remedy says. */
async function retrying(work: () => Promise<void>): Promise<void> {
  await until(
    async () => {
      await work();
      return true;
    },
    'a gang that is brought back',
    settleMs,
  );
}

async function settledState(cluster: TestCluster, name: string): Promise<string | undefined> {
  const gang: TestGang = await cluster.gang(name);
  const { state, openEpoch } = await gang.show();
  const isBusy = openEpoch !== undefined || ['starting', 'restoring', 'stopping'].includes(state);
  return isBusy ? undefined : state;
}

interface Keeper {
  start(): void;
  end(): Promise<void>;
}

/** Starts services again that have ended by themselves, as systemd would, once the fault is over. */
function keepServices(cluster: TestCluster): Keeper {
  const ending = new AbortController();
  let keeping: Promise<void> | undefined;
  const keep = async (): Promise<void> => {
    do {
      for (const { process } of [...cluster.agents, ...cluster.coordinators])
        if (!process.runs) await process.restart().catch(() => undefined);
      await delay(200);
    } while (!ending.signal.aborted);
  };
  return {
    start: () => {
      keeping ??= keep();
    },
    end: async () => {
      ending.abort();
      await keeping;
    },
  };
}

async function withinMs(work: Promise<void>, deadlineMs: number, what: string): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`${what} did not come within ${deadlineMs} ms`)),
    deadlineMs,
  );
  try {
    await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

export const describe = ({ cell, outcome, detail, stillMs, tookMs }: CellResult): string =>
  `${outcome.padEnd(8)} ${nameOf(cell)} (${(tookMs / 1000).toFixed(1)} s, still ${stillMs} ms)${detail === '' ? '' : `: ${detail}`}`;
