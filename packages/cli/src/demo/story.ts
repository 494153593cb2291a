// The demo's story, act by act: train, checkpoint, lose a node, come back elsewhere, train on, compare.
import type { EpochInfo, RestoreResult, RunResult } from '@stillpoint/coordinator';
import { formatBytes, formatMs, listed } from '../format/units.ts';
import { compareRuns, isIdentical } from './comparison.ts';
import { DemoOffScript } from './errors.ts';
import { limits } from './limits.ts';
import { runReference } from './reference.ts';
import type { DemoReport, DemoRestore, RankMove } from './report.ts';
import type { Stage } from './stage.ts';
import { Training } from './training.ts';
import { settled, within } from './waiting.ts';
import { because, Watch } from './watch.ts';

type Placement = RunResult['placement'];

export class Story {
  readonly #stage: Stage;
  readonly #training: Training;
  readonly #watch: Watch;
  readonly #startedAt = performance.now();

  constructor(stage: Stage) {
    this.#stage = stage;
    this.#training = new Training(stage.client, stage.plan.gang, stage.signal);
    this.#watch = new Watch(stage, this.#training);
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
      },
      { signal },
    );
    this.#watch.placement = placement;
    for (const { member, node, ipv4 } of placement)
      teller.fact(`rank ${member}`, `${node}  ${ipv4}  ${member === 0 ? 'master' : 'worker'}`);
    await this.#watch.until('starting', limits.firstStepMs, 'every rank to finish its first step', (ranks) =>
      ranks.length === plan.ranks && ranks.every((rank) => rank !== undefined) ? true : undefined,
    );
    teller.fact('training', `first steps after ${formatMs(performance.now() - startedAt)}`);
  }

  /** By the demo's own clock, from the first steps on: how long a start takes is anybody's guess. */
  async #checkpoint(): Promise<readonly EpochInfo[]> {
    const { plan, client, teller, signal } = this.#stage;
    teller.act(
      `Every ${formatMs(plan.everyMs)} the whole gang is checkpointed. The script knows nothing of it.`,
    );
    const told: EpochInfo[] = [];
    let dueAt = performance.now();
    while ((told.at(-1)?.epoch ?? 0) < plan.epoch) {
      dueAt += plan.everyMs;
      await this.#watch.until('training', limits.epochMs, 'the time of the next checkpoint', () =>
        performance.now() >= dueAt ? true : undefined,
      );
      const made = client.checkpoint(plan.gang, {}, { signal });
      const epoch = await this.#watch.until('training', limits.epochMs, 'a checkpoint', settled(made));
      told.push(epoch);
      teller.fact(`epoch ${epoch.epoch}`, describeEpoch(epoch, teller.look.unicode));
    }
    return told;
  }

  async #loseNode(): Promise<number> {
    const { plan, client, teller, signal } = this.#stage;
    teller.act(`A node fails: everything on ${plan.failingNode} is killed at once.`);
    const before = await this.#training.progress();
    const ended = client.wait(plan.gang, { signal });
    ended.catch(() => undefined);
    await client.killNode(plan.failingNode, {}, { signal });
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
    const moves = movesOf(this.#watch.placement, restored);
    this.#watch.placement = restored.placement;
    await this.#watch.until('coming back', limits.firstStepMs, 'the first new step', (ranks) =>
      ranks.find((rank) => rank !== undefined),
    );
    const firstStepMs = performance.now() - startedAt;
    teller.fact(
      'restored',
      `in ${formatMs(restored.durationMs)}, the first new step after ${formatMs(firstStepMs)}`,
    );
    const fromStep = await this.#training.firstStep();
    teller.fact('goes on', `at step ${fromStep}; what came after it is trained again`);
    const arrow = teller.look.unicode ? '→' : '->';
    for (const { rank, from, to } of moves)
      teller.fact(`rank ${rank}`, `${from.ipv4} ${arrow} ${to.ipv4}  (${from.node} ${arrow} ${to.node})`);
    return { epoch, durationMs: restored.durationMs, firstStepMs, fromStep, moves };
  }

  async #trainOn(): Promise<void> {
    const { plan, client, teller, signal } = this.#stage;
    teller.act('It trains on to the end.');
    const ended = client.wait(plan.gang, { signal });
    const deadlineMs = plan.steps * plan.paceMs + limits.endMs;
    const { state, reason } = await this.#watch.until(
      'training',
      deadlineMs,
      'the end of the training',
      settled(ended),
    );
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
}

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
