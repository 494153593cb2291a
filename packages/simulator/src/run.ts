// One world from its beginning to its end: a gang starts, things go wrong, all is mended, and then the gang must run or
// be restorable, and every message must have arrived once and in order.
import type { Gang } from '@stillpoint/coordinator/assembly';
import { gangId } from '@stillpoint/protocol';
import { Disturber } from './disturb.ts';
import { isCalm, type Plan, troubleMs } from './faults.ts';
import { simulatedHooks } from './hooks.ts';
import { runsUnheld } from './member.ts';
import { findHalfDead, isSettled, judgeCut } from './training.ts';
import { gangName, World } from './world.ts';

/** How long a world may take to come to rest once all is mended: longer than any deadline of the protocol. */
const restMs = 45 * 60_000;
/** How long messages under way may take, retransmission included. */
const quietMs = 20_000;

export interface RunResult {
  readonly plan: Plan;
  readonly violations: readonly string[];
  /** Messages, timers, answers, steps of members, faults: all but what programs do. */
  readonly steps: number;
  /** Steps and packets of the programs. */
  readonly packets: number;
  readonly simulatedMs: number;
  readonly published: number;
}

export async function runPlan(plan: Plan, trace?: (line: string) => void): Promise<RunResult> {
  const world = new World(plan, trace);
  const run = new Run(world);
  try {
    await run.begin();
    await run.suffer();
    await run.rest();
    await run.prove();
  } catch (error) {
    world.watch.violated(error instanceof Error ? error.message : String(error));
  }
  return {
    plan,
    violations: world.watch.violations,
    steps: world.engine.count,
    packets: world.engine.countInKernel,
    simulatedMs: world.engine.nowMs,
    published: world.watch.published,
  };
}

class Run {
  readonly #world: World;
  readonly #disturber: Disturber;

  constructor(world: World) {
    this.#world = world;
    this.#disturber = new Disturber(world);
  }

  async begin(): Promise<void> {
    const world = this.#world;
    world.startCoordinator();
    await this.#until(() => world.leader !== undefined, 60_000, 'a coordinator leads');
    const { plan } = world;
    const verb = { signal: new AbortController().signal, report: () => undefined };
    const request = {
      name: gangName,
      ranks: plan.members,
      nodes: plan.nodes,
      command: ['train'],
      environment: {},
      cwd: '/',
      outside: 'refuse',
      files: 'refuse',
    } as const;
    const hooks = plan.hasHooks === true ? { hooks: simulatedHooks } : {};
    const started = world.leader?.starts.run({ ...request, ...hooks, command: [...request.command] }, verb);
    await this.#done(started, 'the gang starts');
  }

  async suffer(): Promise<void> {
    const world = this.#world;
    world.trouble();
    this.#disturber.schedule();
    await world.engine.run(() => world.watch.violations.length > 0, world.engine.nowMs + troubleMs);
  }

  async rest(): Promise<void> {
    const world = this.#world;
    if (world.watch.violations.length > 0) return;
    world.say('ALL IS MENDED');
    world.heal();
    world.keepLed();
    await this.#until(() => this.#isAtRest(), restMs, 'the gang runs or is over');
  }

  /** The gang runs on, or comes back from its newest epoch; its programs have lost nothing. */
  async prove(): Promise<void> {
    const world = this.#world;
    if (world.watch.violations.length > 0) return;
    for (const broken of world.vault.broken()) world.watch.violated(broken);
    const gang = world.leader?.context.gangs.find(gangName);
    if (world.leader === undefined || gang === undefined) throw new Error('the gang is forgotten');
    if (!gang.isRunning && !gang.isRestorable) return;
    await this.#done(world.leader.context.nodes.add({ name: 'spare' }), 'a node is added');
    // what TCP has waited to repeat, and longer with every loss, is repeated first
    await this.#pass(quietMs);
    if (!(await this.#goOn(gang))) return;
    await this.#until(() => this.#isAtRest() && gang.isRunning, restMs, 'the gang runs');
    world.kernel.isQuiet = true;
    await this.#pass(quietMs);
    this.#checkArrived();
  }

  /** @returns whether it runs: not when its only epoch was staged on a node that is lost, and it is called lost */
  async #goOn(gang: Gang): Promise<boolean> {
    const lost = (): number => gang.epochs.filter(({ closed }) => closed?.result === 'lost').length;
    for (let before = lost(); gang.isRunning || gang.isRestorable; before = lost()) {
      const verb = gang.isRunning ? 'checkpoint' : 'restore';
      const failed = await this.#done(this.#disturber.verb(verb, 0), 'the last verb ends');
      if (failed === undefined) return true;
      const isLost = lost() > before && this.#world.watch.hasLostNodes;
      if (!isLost) throw new Error(`nothing is wrong, and yet: ${failed.message}`);
    }
    return false;
  }

  #isAtRest(): boolean {
    const world = this.#world;
    const gang = world.leader?.context.gangs.find(gangName);
    if (gang === undefined || this.#disturber.isBusy) return false;
    // whoever starts now is about to lead
    if (world.coordinators.some(({ coordinator }) => coordinator === undefined)) return false;
    if (gang.unknownEpoch !== undefined) return false;
    if (gang.epochRun !== undefined || gang.restoreRun !== undefined) return false;
    if (gang.operation !== undefined || gang.move !== undefined) return false;
    const { nodes } = world.leader?.context ?? {};
    if (nodes === undefined || nodes.list().some(({ name }) => nodes.find(name)?.isReady === false))
      return false;
    const members = world.members();
    if (gang.isDead) return members.every(({ state }) => state !== 'running');
    const { incarnation } = gang.current ?? {};
    const own = members.filter((member) => member.incarnation === incarnation && runsUnheld(member));
    return gang.isRunning && own.length === world.plan.members && members.length === own.length;
  }

  /** Every message that was sent has been received, once and in order. */
  #checkArrived(): void {
    const { plan, watch } = this.#world;
    const trainings = this.#world.members().flatMap(({ training }) => training ?? []);
    for (const training of trainings)
      if (!isSettled(training))
        watch.violated(`member ${training.member} never gets rid of what it has sent`);
    judgeCut(trainings).forEach((problem) => watch.violated(problem));
    // a cut network, and an agent that is gone, may each lose the word of an end
    if (isCalm(plan)) findHalfDead(trainings).forEach((problem) => watch.violated(problem));
  }

  async #pass(durationMs: number): Promise<void> {
    const { engine } = this.#world;
    await engine.run(() => false, engine.nowMs + durationMs);
  }

  async #until(isSo: () => boolean, withinMs: number, what: string): Promise<void> {
    const world = this.#world;
    const isOver = (): boolean => isSo() || world.watch.violations.length > 0;
    if (!(await world.engine.run(isOver, world.engine.nowMs + withinMs)))
      throw new Error(`within ${withinMs / 1_000} s, ${what}: not so; ${this.#describe()}`);
  }

  async #done<Result>(work: Promise<Result> | undefined, what: string): Promise<Result> {
    const end: { result?: Result; error?: Error; isThere: boolean } = { isThere: false };
    void work?.then(
      (result) => Object.assign(end, { result, isThere: true }),
      (error: unknown) => Object.assign(end, { error, isThere: true }),
    );
    await this.#until(() => end.isThere, restMs, what);
    if (end.error !== undefined) throw new Error(`${what}: ${end.error.message}`);
    return end.result as Result;
  }

  #describe(): string {
    const gang = this.#world.leader?.context.gangs.find(gangName);
    const members = [...this.#world.nodes.values()]
      .flatMap((node) => [...node.members].map((member) => ({ node: node.name, ...member })))
      .map(({ node, member, incarnation, state, isFrozen, hold }) => {
        const stands = `${isFrozen ? ' frozen' : ''}${hold === undefined ? '' : ' held'}`;
        return `${incarnation}/${member} on ${node} ${state}${stands}`;
      });
    const doing =
      gang === undefined
        ? 'no gang'
        : `${gang.state}, ${gang.operation ?? 'no verb'}, epoch ${gang.epochRun?.epoch ?? 'none'} ${gang.epochRun?.phase ?? ''}`;
    return `${gangId(gangName)}: ${doing}; ${members.join(', ')}`;
  }
}
