// A closed loop for the protocol: one coordinator's machine and the members' machines, over queues that lose, double
// and delay, with crashes of all kinds until the faults heal. Everything follows from the seed.
import { recoverGangEpoch, startGangEpoch, stepGangEpoch, type GangEpochState } from '../gang-epoch.ts';
import type { GangEffect, GangEpochInput, GangEvent, GangResult, Placement } from '../gang-events.ts';
import { fenceNumber, memberId, nodeName, type MemberId, type NodeName } from '../ids.ts';
import { gangEpochLimits, memberEpochLimits, tickMs } from '../limits.ts';
import type { MemberEffect, MemberEpochState } from '../member-effects.ts';
import { startMemberEpoch, stepMemberEpoch } from '../member-epoch.ts';
import type { MemberEvent, MemberStep } from '../member-events.ts';
import type { EpochCommand, EpochReply, MemberReport, Outcome } from '../messages.ts';
import { invariant, type Step } from '../step.ts';
import { SimulatedClock } from './clock.ts';
import { testHeader, testHold } from './fixtures.ts';
import { seededRandom, type Random } from './random.ts';
import { World } from './world.ts';

/** What goes wrong while the faults last. Probabilities; none by default. */
export interface Faults {
  readonly loss: number;
  readonly duplication: number;
  readonly stepFailure: number;
  readonly agentCrash: number;
  readonly coordinatorCrash: number;
  /** The coordinator is stopped for a while and then goes on, unaware. */
  readonly coordinatorPause: number;
  readonly ledgerOutage: number;
  readonly memberDeath: number;
  readonly nodeLoss: number;
  readonly abortRequest: number;
}

export const noFaults: Faults = {
  loss: 0,
  duplication: 0,
  stepFailure: 0,
  agentCrash: 0,
  coordinatorCrash: 0,
  coordinatorPause: 0,
  ledgerOutage: 0,
  memberDeath: 0,
  nodeLoss: 0,
  abortRequest: 0,
};

export interface SimulationOptions {
  readonly seed: number;
  readonly outcome: Outcome;
  readonly members: number;
  readonly nodes: number;
  readonly faults: Faults;
}

/** How long things go wrong, and how long everything may take to end well afterwards. */
const faultsMs = 30_000;
const horizonMs = 900_000;

export interface SimulationResult {
  readonly result: GangResult;
  readonly endedAtMs: number;
  readonly world: World;
}

/** Runs one epoch to its end. @throws when an invariant breaks, or when it does not end. */
export function simulate(options: SimulationOptions): SimulationResult {
  const simulation = new Simulation(options);
  return simulation.run();
}

class Simulation {
  readonly clock = new SimulatedClock();
  readonly random: Random;
  readonly world: World;
  readonly input: GangEpochInput;
  readonly #options: SimulationOptions;
  readonly #agents: Map<NodeName, SimulatedAgent>;
  #coordinator: SimulatedCoordinator;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.random = seededRandom(options.seed);
    const members: Placement[] = Array.from({ length: options.members }, (_, index) => ({
      member: memberId(index),
      node: nodeName(`n${index % options.nodes}`),
    }));
    this.world = new World(this.clock, options.outcome, members);
    this.input = {
      header: testHeader,
      outcome: options.outcome,
      outside: 'refuse',
      files: 'refuse',
      members,
      limits: gangEpochLimits,
    };
    const nodes = [...new Set(members.map(({ node }) => node))];
    this.#agents = new Map(nodes.map((node) => [node, new SimulatedAgent(this, node)]));
    this.#coordinator = new SimulatedCoordinator(this, this.world.fence);
  }

  run(): SimulationResult {
    this.#coordinator.take(startGangEpoch(this.input));
    this.#planFaults();
    while (this.world.closed === null || !this.world.isFree) {
      invariant(this.clock.nowMs < horizonMs, `the epoch ends: ${this.#coordinator.describe()}`);
      invariant(this.clock.step(), 'somebody still waits for something');
    }
    return { result: this.world.closed, endedAtMs: this.clock.nowMs, world: this.world };
  }

  get isFaulty(): boolean {
    return this.clock.nowMs < faultsMs;
  }

  /** Whether something goes wrong this time. */
  strikes(fault: keyof Faults): boolean {
    return this.isFaulty && this.random.chance(this.#options.faults[fault]);
  }

  /** A message on its way: lost, doubled, or late. */
  deliver(receive: () => void): void {
    const copies = this.strikes('duplication') ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      if (this.strikes('loss')) continue;
      const isSlow = this.isFaulty && this.random.chance(0.05);
      this.clock.after(this.random.between(1, isSlow ? 3_000 : 20), receive);
    }
  }

  toAgent(node: NodeName, command: EpochCommand): void {
    this.deliver(() => this.#agents.get(node)?.hear(command));
  }

  toCoordinator(reply: EpochReply): void {
    this.deliver(() => this.#coordinator.feed({ kind: 'ReplyReceived', reply }));
  }

  /** The ledger does its work, or not, and answers, or not. */
  askLedger<Answer>(work: () => Answer, answer: (found: Answer | 'unavailable') => void): void {
    this.clock.after(this.random.between(1, 20), () => {
      // An outage may swallow the request or only the answer.
      const isDone = !this.world.isLedgerDown || this.random.chance(0.3);
      const found = isDone ? work() : 'unavailable';
      answer(this.world.isLedgerDown ? 'unavailable' : found);
    });
  }

  /** A coordinator is gone, or its epoch is undecided: a successor takes it up once the ledger answers. */
  succeed(): void {
    this.clock.after(this.random.between(1_000, this.random.chance(0.2) ? 40_000 : 4_000), () => {
      if (this.world.closed !== null) return;
      if (this.world.isLedgerDown) return this.succeed();
      this.world.fence += 1;
      const fence = fenceNumber(this.world.fence);
      this.#coordinator = new SimulatedCoordinator(this, this.world.fence);
      const input = { ...this.input, header: { ...this.input.header, fence } };
      this.#coordinator.take(recoverGangEpoch(input, this.world.decision));
      for (const node of this.world.lostNodes) this.#coordinator.feed({ kind: 'NodeLost', node });
    });
  }

  #planFaults(): void {
    for (let atMs = 50; atMs < faultsMs; atMs += 250) this.clock.after(atMs, () => this.#strikeOnce());
  }

  #strikeOnce(): void {
    if (!this.world.isLedgerDown && this.strikes('ledgerOutage')) {
      this.world.isLedgerDown = true;
      const isLong = this.random.chance(0.2);
      this.clock.after(this.random.between(200, isLong ? 30_000 : 3_000), () => {
        this.world.isLedgerDown = false;
      });
    }
    if (this.strikes('coordinatorCrash')) this.#coordinator.crash();
    if (this.strikes('coordinatorPause')) this.#coordinator.pause(this.random.between(1_000, 40_000));
    if (this.strikes('abortRequest')) this.#coordinator.feed({ kind: 'AbortRequested', reason: 'Ctrl-C' });
    for (const [node, agent] of this.#agents) {
      if (this.strikes('agentCrash')) agent.crash();
      if (this.strikes('nodeLoss')) this.#loseNode(node, agent);
    }
    for (const member of this.world.members) {
      if (!member.alive || !this.strikes('memberDeath')) continue;
      this.world.kill(member);
      this.#agents.get(member.node)?.memberDied(member.member);
    }
  }

  #loseNode(node: NodeName, agent: SimulatedAgent): void {
    agent.vanish();
    this.world.loseNode(node);
    this.clock.after(2_000, () => this.#coordinator.feed({ kind: 'NodeLost', node }));
  }
}

/** Drives the gang's machine as a real coordinator does. */
class SimulatedCoordinator {
  readonly #simulation: Simulation;
  readonly #fence: number;
  readonly #deadlines = new Map<string, symbol>();
  #state: GangEpochState | null = null;
  #isGone = false;
  #pausedUntilMs = 0;

  constructor(simulation: Simulation, fence: number) {
    this.#simulation = simulation;
    this.#fence = fence;
    this.#tick();
  }

  feed(event: GangEvent): void {
    if (this.#isGone || this.#state === null) return;
    const { clock } = this.#simulation;
    if (clock.nowMs < this.#pausedUntilMs) {
      clock.after(this.#pausedUntilMs - clock.nowMs, () => this.feed(event));
      return;
    }
    this.take(stepGangEpoch(this.#state, event));
  }

  take({ state, effects }: Step<GangEpochState, GangEffect>): void {
    this.#state = state;
    for (const effect of effects) this.#perform(effect);
  }

  crash(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#simulation.succeed();
  }

  pause(forMs: number): void {
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, this.#simulation.clock.nowMs + forMs);
  }

  describe(): string {
    return JSON.stringify(this.#state?.value);
  }

  #tick(): void {
    this.#simulation.clock.after(tickMs, () => {
      if (this.#isGone) return;
      this.feed({ kind: 'Tick' });
      this.#tick();
    });
  }

  #perform(effect: GangEffect): void {
    const { clock, world, random } = this.#simulation;
    switch (effect.kind) {
      case 'Send':
        return this.#simulation.toAgent(effect.node, effect.command);
      case 'WriteDecision':
        return this.#simulation.askLedger(
          () => (world.fence === this.#fence ? world.decide(effect.decision) : 'unavailable'),
          (found) =>
            this.feed(
              found === 'unavailable'
                ? { kind: 'LedgerUnavailable' }
                : { kind: 'DecisionWritten', decision: found },
            ),
        );
      case 'SetDeadline': {
        const token = Symbol(effect.name);
        this.#deadlines.set(effect.name, token);
        clock.after(effect.afterMs, () => {
          if (this.#deadlines.get(effect.name) === token)
            this.feed({ kind: 'DeadlineExpired', name: effect.name });
        });
        return;
      }
      case 'ClearDeadline':
        this.#deadlines.delete(effect.name);
        return;
      case 'WriteManifest':
        clock.after(random.between(1, 50), () => {
          if (this.#isGone) return;
          if (this.#simulation.strikes('stepFailure'))
            return this.feed({ kind: 'ManifestFailed', reason: 'disk full' });
          world.writeManifest();
          this.feed({ kind: 'ManifestWritten' });
        });
        return;
      case 'Finish':
        this.#isGone = true;
        if (effect.result === 'undecided') return this.#simulation.succeed();
        world.closed = effect.result;
        return;
      case 'Record':
        return;
    }
  }
}

/** One member's part at an agent. */
interface Part {
  state: MemberEpochState;
  reports: readonly MemberReport[];
  readonly deadlines: Map<string, symbol>;
}

/** Drives the members' machines of one node as a real agent does. What it persists survives its crash. */
class SimulatedAgent {
  readonly #simulation: Simulation;
  readonly #node: NodeName;
  readonly #records = new Map<MemberId, MemberEpochState>();
  #parts = new Map<MemberId, Part>();
  /** Changes with every crash: what an earlier life started answers to nobody. */
  #life: symbol | null = Symbol('life');

  constructor(simulation: Simulation, node: NodeName) {
    this.#simulation = simulation;
    this.#node = node;
  }

  hear(command: EpochCommand): void {
    if (this.#life === null) return;
    for (const { member, node } of this.#simulation.world.members) {
      if (node !== this.#node) continue;
      if (!this.#parts.has(member)) this.#begin(member);
      this.#feed(member, { kind: 'CommandReceived', command });
    }
  }

  memberDied(member: MemberId): void {
    this.#feed(member, { kind: 'MemberDied', reason: 'killed by signal 11' });
  }

  crash(): void {
    if (this.#life === null) return;
    this.vanish();
    this.#simulation.clock.after(this.#simulation.random.between(200, 8_000), () => this.#restart());
  }

  vanish(): void {
    this.#life = null;
    this.#parts = new Map();
  }

  #restart(): void {
    const { world } = this.#simulation;
    if (world.lostNodes.has(this.#node)) return;
    this.#life = Symbol('life');
    for (const [member, state] of this.#records) {
      this.#parts.set(member, { state, reports: state.context.reports, deadlines: new Map() });
      const { frozen, hold } = world.member(member);
      this.#feed(member, { kind: 'Restarted', found: { frozen, held: hold !== null } });
    }
  }

  #begin(member: MemberId): void {
    const { state } = startMemberEpoch({
      ...this.#simulation.input,
      member,
      holdId: testHold(member),
      limits: memberEpochLimits,
    });
    this.#parts.set(member, { state, reports: [], deadlines: new Map() });
  }

  #feed(member: MemberId, event: MemberEvent): void {
    const part = this.#parts.get(member);
    if (part === undefined) return;
    const { state, effects } = stepMemberEpoch(part.state, event);
    part.state = JSON.parse(JSON.stringify(state)) as MemberEpochState;
    for (const effect of effects) this.#perform(member, part, effect);
  }

  #perform(member: MemberId, part: Part, effect: MemberEffect): void {
    const { clock, world } = this.#simulation;
    const life = this.#life;
    switch (effect.kind) {
      case 'Persist':
        this.#records.set(member, effect.record);
        return;
      case 'Run':
        return this.#run(member, effect);
      case 'Report':
        part.reports = effect.reports;
        return this.#reply(part);
      case 'SetDeadline': {
        const token = Symbol(effect.name);
        part.deadlines.set(effect.name, token);
        clock.after(effect.afterMs, () => {
          if (this.#life !== life || part.deadlines.get(effect.name) !== token) return;
          this.#feed(member, { kind: 'DeadlineExpired', name: effect.name });
        });
        return;
      }
      case 'ClearDeadline':
        part.deadlines.delete(effect.name);
        return;
      case 'ReadDecision':
        return this.#simulation.askLedger(
          () => world.decision ?? 'none',
          (decision) => this.#life === life && this.#feed(member, { kind: 'DecisionRead', decision }),
        );
      case 'TryAbort':
        return this.#simulation.askLedger(
          () => world.decide('abort'),
          (decision) => this.#life === life && this.#feed(member, { kind: 'DecisionRead', decision }),
        );
      case 'Refused':
        return;
    }
  }

  /** The step takes its time. When the agent dies its steps die with it, but for CRIU, which runs on. */
  #run(member: MemberId, step: MemberStep): void {
    const { clock, random, world } = this.#simulation;
    const life = this.#life;
    const longest: Partial<Record<MemberStep['step'], number>> = { note: 500, dump: 4_000, persist: 4_000 };
    clock.after(random.between(1, longest[step.step] ?? 30), () => {
      if (world.lostNodes.has(this.#node) || (this.#life !== life && step.step !== 'dump')) return;
      const fails = this.#simulation.strikes('stepFailure') || world.isImpossible(member, step);
      const isPerformed = !fails || random.chance(0.5);
      const result = isPerformed ? world.perform(member, step) : null;
      const event: MemberEvent =
        fails || result === null
          ? {
              kind: 'StepFailed',
              step: step.step,
              code: 'SP_TEST',
              message: 'no',
              remedy: 'None.',
              retryable: true,
            }
          : { kind: 'StepDone', ...result };
      clock.after(random.between(0, 5), () => this.#life === life && this.#feed(member, event));
    });
  }

  #reply({ state }: Part): void {
    const reports = [...this.#parts.values()].flatMap((part) => part.reports);
    const { header } = state.context;
    this.#simulation.toCoordinator({ ...header, kind: 'Reports', node: this.#node, reports, spans: [] });
  }
}
