// The demo's story, act by act: train, checkpoint, lose a node, come back elsewhere, train on, compare.
import { setTimeout as delay } from 'node:timers/promises';
import type { CoordinatorClient, EpochInfo, RestoreResult, RunResult } from '@stillpoint/coordinator';
import { formatBytes, formatMs, listed } from '../format/units.ts';
import { compareRuns, isIdentical } from './comparison.ts';
import { DemoOffScript } from './errors.ts';
import { limits } from './limits.ts';
import { renderRanks } from './live-table.ts';
import type { DemoPlan } from './plan.ts';
import { runReference } from './reference.ts';
import type { DemoReport, DemoRestore, RankMove } from './report.ts';
import type { Teller } from './teller.ts';
import { type RankProgress, Training } from './training.ts';

export interface Stage {
  readonly plan: DemoPlan;
  readonly client: CoordinatorClient;
  readonly teller: Teller;
  /** The script, as the members see it, and the program that runs it. */
  readonly program: readonly [string, ...string[]];
  readonly environment: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly signal: AbortSignal;
}

type Placement = RunResult['placement'];

export class Story {
  readonly #stage: Stage;
  readonly #training: Training;
  readonly #startedAt = performance.now();
  #placement: Placement = [];

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#training = new Training(stage.client, stage.plan.gang, stage.signal);
  }

  /** @throws `SP_DEMO_OFF_SCRIPT`, the coordinator's errors, and the signal's reason */
  async tell(): Promise<DemoReport> {
    const { plan } = this.#stage;
    await this.#train();
    const epochs = await this.#checkpoint();
    const killedAtStep = await this.#loseNode();
    const restore = await this.#comeBack(epochs.at(-1)?.epoch ?? plan.epoch);
    await this.#trainOn();
    const { comparison, referenceMs } = await this.#compare();
    return {
      bitIdentical: isIdentical(comparison),
      comparison,
      epochs,
      killedNode: plan.failingNode,
      killedAtStep,
      restore,
      referenceMs,
      elapsedMs: performance.now() - this.#startedAt,
    };
  }

  async #train(): Promise<void> {
    const { plan, client, teller, signal } = this.#stage;
    teller.act(
      `Three nodes train a small model: PyTorch DistributedDataParallel over gloo, ${plan.steps} steps.`,
    );
    for (const name of plan.nodes) await client.addNode({ name }, { signal });
    const startedAt = performance.now();
    const { placement } = await client.run(
      {
        name: plan.gang,
        ranks: plan.ranks,
        nodes: plan.nodes.length,
        command: this.#command(plan.paceMs),
        environment: { ...this.#stage.environment },
        cwd: this.#stage.cwd,
        everyMs: plan.everyMs,
        keep: plan.epoch,
      },
      { signal },
    );
    this.#placement = placement;
    for (const { member, node, ipv4 } of placement)
      teller.fact(`rank ${member}`, `${node}  ${ipv4}  ${member === 0 ? 'master' : 'worker'}`);
    await this.#until('starting', limits.firstStepMs, 'every rank to finish its first step', (ranks) =>
      ranks.length === plan.ranks && ranks.every((rank) => rank !== undefined) ? true : undefined,
    );
    teller.fact('training', `first steps after ${formatMs(performance.now() - startedAt)}`);
  }

  async #checkpoint(): Promise<readonly EpochInfo[]> {
    const { plan, teller } = this.#stage;
    teller.act(
      `Every ${formatMs(plan.everyMs)} the whole gang is checkpointed. The script knows nothing of it.`,
    );
    const told: EpochInfo[] = [];
    while ((told.at(-1)?.epoch ?? 0) < plan.epoch) {
      const epoch = await this.#until('training', limits.epochMs, 'the next checkpoint', () =>
        this.#nextEpoch(told),
      );
      told.push(epoch);
      teller.fact(`epoch ${epoch.epoch}`, describeEpoch(epoch, teller.look.unicode));
    }
    return told;
  }

  async #nextEpoch(told: readonly EpochInfo[]): Promise<EpochInfo | undefined> {
    const { plan, client, signal } = this.#stage;
    const epochs = await client.listEpochs(plan.gang, { signal });
    const last = told.at(-1)?.epoch ?? 0;
    const next = epochs.find(({ epoch, state }) => epoch > last && state === 'published');
    if (next !== undefined) return next;
    const [gang] = (await client.listGangs({ signal })).filter(({ name }) => name === plan.gang);
    if (gang?.state === 'running') return undefined;
    throw new DemoOffScript(
      `the training is ${gang?.state ?? 'gone'} before epoch ${plan.epoch}${because(gang?.reason)}`,
    );
  }

  async #loseNode(): Promise<number> {
    const { plan, client, teller, signal } = this.#stage;
    teller.act(`A node fails: everything on ${plan.failingNode} is killed at once.`);
    const before = await this.#training.progress();
    const ended = client.wait(plan.gang, { signal });
    ended.catch(() => undefined);
    await client.killNode(plan.failingNode, { signal });
    const { state, reason } = await within(ended, limits.failureMs, 'the gang to be known as failed');
    if (state !== 'failed')
      throw new DemoOffScript(`the gang is ${state} after its node was killed${because(reason)}`);
    const step = Math.max(0, ...before.map((rank) => rank?.step ?? 0));
    teller.fact(plan.failingNode, `killed at step ${step}`);
    teller.fact('gang', `failed${because(reason)}`);
    return step;
  }

  async #comeBack(epoch: number): Promise<DemoRestore> {
    const { plan, client, teller, signal } = this.#stage;
    teller.act(`The gang comes back from epoch ${epoch} on ${listed(plan.freshNodes)}, three fresh nodes.`);
    for (const name of plan.freshNodes) await client.addNode({ name }, { signal });
    const startedAt = performance.now();
    const restored = await client.restore(plan.gang, { epoch, onto: [...plan.freshNodes] }, { signal });
    const moves = movesOf(this.#placement, restored);
    this.#placement = restored.placement;
    const first = await this.#until('coming back', limits.firstStepMs, 'the first new step', (ranks) =>
      ranks.find((rank) => rank !== undefined),
    );
    const firstStepMs = performance.now() - startedAt;
    teller.fact(
      'restored',
      `in ${formatMs(restored.durationMs)}, the first new step after ${formatMs(firstStepMs)}`,
    );
    teller.fact('goes on', `at step ${first.step}, as if nothing had happened`);
    const arrow = teller.look.unicode ? '→' : '->';
    for (const { rank, from, to } of moves)
      teller.fact(`rank ${rank}`, `${from.ipv4} ${arrow} ${to.ipv4}  (${from.node} ${arrow} ${to.node})`);
    return { epoch, durationMs: restored.durationMs, firstStepMs, fromStep: first.step, moves };
  }

  async #trainOn(): Promise<void> {
    const { plan, client, teller, signal } = this.#stage;
    teller.act('It trains on to the end, still being checkpointed.');
    const ended = client.wait(plan.gang, { signal });
    let result: Awaited<typeof ended> | undefined;
    ended.then(
      (value) => (result = value),
      () => undefined,
    );
    const deadlineMs = plan.steps * plan.paceMs + limits.endMs;
    await this.#until('training', deadlineMs, 'the end of the training', () => result);
    const { state, reason } = await ended;
    if (state !== 'completed') throw new DemoOffScript(`the restored gang is ${state}${because(reason)}`);
    teller.fact('completed', `step ${plan.steps} on ${plan.ranks} ranks`);
  }

  async #compare() {
    const { plan, teller, environment, cwd, signal } = this.#stage;
    teller.act('The same script once more with no Stillpoint at all: three plain processes on 127.0.0.1.');
    const restored = await this.#training.lines();
    const startedAt = performance.now();
    teller.live(['', 'running at full speed']);
    const reference = await runReference({
      ranks: plan.ranks,
      command: this.#command(0),
      environment,
      cwd,
      signal,
    });
    teller.live([]);
    const referenceMs = performance.now() - startedAt;
    teller.fact('completed', `step ${plan.steps} on ${plan.ranks} ranks in ${formatMs(referenceMs)}`);
    teller.fact('compared', 'the loss and the parameters of every step on every rank, all bits');
    return { comparison: compareRuns(reference, restored, plan.steps), referenceMs };
  }

  #command(paceMs: number): [string, ...string[]] {
    const { program, plan } = this.#stage;
    return [...program, '--steps', String(plan.steps), '--pace-ms', String(paceMs)];
  }

  /** Draws the table until what is looked for is there. @throws `SP_DEMO_OFF_SCRIPT` when its time is over */
  async #until<Found>(
    state: string,
    deadlineMs: number,
    what: string,
    look: (ranks: readonly (RankProgress | undefined)[]) => Promise<Found | undefined> | Found | undefined,
  ): Promise<Found> {
    const { plan, teller, signal } = this.#stage;
    const end = performance.now() + deadlineMs;
    let shown: readonly (RankProgress | undefined)[] = [];
    try {
      for (;;) {
        const ranks = await this.#training.progress();
        shown = this.#placement.map((_, index) => ranks[index] ?? shown[index]);
        const rows = this.#placement.map(({ member, node, ipv4 }, index) => ({
          rank: member,
          node,
          address: ipv4,
          progress: shown[index],
        }));
        teller.live(renderRanks(rows, plan.steps, state));
        const found = await look(ranks);
        if (found !== undefined) return found;
        if (performance.now() > end)
          throw new DemoOffScript(`waited ${formatMs(deadlineMs)} in vain for ${what}`);
        await delay(limits.pollMs, undefined, { signal }).catch(() => signal.throwIfAborted());
      }
    } finally {
      teller.live([]);
    }
  }
}

const because = (reason: string | undefined): string => (reason === undefined ? '' : `: ${reason}`);

function describeEpoch({ stallMs, bytes }: EpochInfo, unicode: boolean): string {
  const stall = stallMs === undefined ? '' : `stood still ${formatMs(stallMs)}`;
  if (bytes === undefined) return stall;
  const arrow = unicode ? '→' : '->';
  const stored = bytes.stored === undefined ? '' : ` ${arrow} ${formatBytes(bytes.stored)} stored`;
  return `${stall.padEnd(22)}${formatBytes(bytes.raw)}${stored}`;
}

function movesOf(before: Placement, { placement }: RestoreResult): RankMove[] {
  return placement.flatMap((to) => {
    const from = before.find(({ member }) => member === to.member);
    return from === undefined ? [] : [{ rank: to.member, from: pick(from), to: pick(to) }];
  });
}

const pick = ({ node, ipv4 }: Placement[number]): RankMove['from'] => ({ node, ipv4 });

async function within<Result>(work: Promise<Result>, deadlineMs: number, what: string): Promise<Result> {
  const timer = new AbortController();
  const late = delay(deadlineMs, undefined, { signal: timer.signal }).then(() => {
    throw new DemoOffScript(`waited ${formatMs(deadlineMs)} in vain for ${what}`);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    timer.abort();
    late.catch(() => undefined);
  }
}
