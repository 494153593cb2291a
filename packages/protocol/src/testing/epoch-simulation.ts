// A closed loop for epochs: one coordinator's machine and the members' machines in a world with faults.
import { recoverGangEpoch, startGangEpoch, stepGangEpoch, type GangEpochState } from '../gang/epoch.ts';
import type { GangEffect, GangEpochInput, GangEvent, GangResult, Placement } from '../gang/events.ts';
import { fenceNumber, memberId, nodeName, type NodeName } from '../ids.ts';
import { gangEpochLimits, memberEpochLimits, tickMs } from '../limits.ts';
import type { MemberEffect, MemberEpochState } from '../member/effects.ts';
import { startMemberEpoch, stepMemberEpoch } from '../member/epoch.ts';
import type { MemberEvent, MemberStep } from '../member/events.ts';
import type { EpochCommand, EpochReply, MemberReport, Outcome } from '../messages.ts';
import { invariant } from '../step.ts';
import { SimulatedAgent, type AgentPlay } from './agent.ts';
import { testHeader, testHold } from './fixtures.ts';
import { horizonMs, MachineDriver, Surroundings, type Faults } from './surroundings.ts';
import { EpochWorld } from './epoch-world.ts';

export interface EpochSimulationOptions {
  readonly seed: number;
  readonly outcome: Outcome;
  readonly members: number;
  readonly nodes: number;
  readonly faults: Faults;
}

export interface EpochSimulationResult {
  readonly result: GangResult;
  readonly endedAtMs: number;
  readonly world: EpochWorld;
}

/** Runs one epoch to its end. @throws when an invariant breaks, or when it does not end */
export function simulateEpoch(options: EpochSimulationOptions): EpochSimulationResult {
  return new EpochSimulation(options).run();
}

type Agent = SimulatedAgent<
  MemberEpochState,
  MemberEvent,
  MemberEffect,
  EpochCommand,
  MemberReport,
  MemberStep
>;
type Coordinator = MachineDriver<GangEpochState, GangEvent, GangEffect>;

class EpochSimulation {
  readonly #surroundings: Surroundings;
  readonly #world: EpochWorld;
  readonly #input: GangEpochInput;
  readonly #agents: Map<NodeName, Agent>;
  #fence = testHeader.fence as number;
  #coordinator: Coordinator;

  constructor({ seed, outcome, members, nodes, faults }: EpochSimulationOptions) {
    this.#surroundings = new Surroundings(seed, faults);
    const places: Placement[] = Array.from({ length: members }, (_, index) => ({
      member: memberId(index),
      node: nodeName(`n${index % nodes}`),
    }));
    this.#world = new EpochWorld(this.#surroundings.clock, outcome, places);
    this.#input = {
      header: testHeader,
      outcome,
      outside: 'refuse',
      files: 'refuse',
      members: places,
      persistId: '1',
      limits: gangEpochLimits,
      hooks: {},
    };
    const names = [...new Set(places.map(({ node }) => node))];
    this.#agents = new Map(
      names.map((node) => {
        const own = places.filter((place) => place.node === node).map(({ member }) => member);
        return [node, new SimulatedAgent(this.#surroundings, node, own, this.#agentPlay(node))];
      }),
    );
    this.#coordinator = this.#lead();
  }

  run(): EpochSimulationResult {
    const { clock } = this.#surroundings;
    this.#coordinator.take(startGangEpoch(this.#input));
    this.#surroundings.planFaults(() => this.#strike());
    while (this.#world.closed === null || !this.#world.isFree) {
      invariant(clock.nowMs < horizonMs, `it ends: ${JSON.stringify(this.#coordinator.state.value)}`);
      invariant(clock.step(), 'somebody still waits for something');
    }
    return { result: this.#world.closed, endedAtMs: clock.nowMs, world: this.#world };
  }

  #strike(): void {
    const { random } = this.#surroundings;
    const strikes = (fault: keyof Faults): boolean => this.#surroundings.strikes(fault);
    if (strikes('coordinatorCrash')) this.#crashCoordinator();
    if (strikes('coordinatorPause')) this.#coordinator.pause(random.between(1_000, 40_000));
    if (strikes('request')) this.#coordinator.feed({ kind: 'AbortRequested', reason: 'Ctrl-C' });
    for (const agent of this.#agents.values()) {
      if (strikes('agentCrash')) agent.crash();
      if (strikes('nodeLoss') && !agent.isLost) this.#loseNode(agent);
      if (strikes('reboot') && !agent.isLost) this.#rebootNode(agent);
    }
    for (const member of this.#world.members) {
      if (!member.alive || !strikes('memberDeath')) continue;
      this.#world.kill(member);
      this.#agents
        .get(member.node)
        ?.feed(member.member, { kind: 'MemberDied', reason: 'killed by signal 11' });
    }
  }

  #loseNode(agent: Agent): void {
    agent.vanish();
    this.#world.loseNode(agent.node, 'gone');
    this.#surroundings.clock.after(2_000, () =>
      this.#coordinator.feed({ kind: 'NodeLost', node: agent.node }),
    );
  }

  #rebootNode(agent: Agent): void {
    const afterMs = this.#surroundings.random.between(200, 8_000);
    this.#world.loseNode(agent.node, 'new');
    agent.reboot(afterMs);
    this.#surroundings.clock.after(afterMs, () => this.#tellOfDeaths(agent.node));
  }

  /** Whoever looks after a node that came back finds that its members are gone. */
  #tellOfDeaths(node: NodeName): void {
    for (const { member } of this.#world.members.filter((each) => each.node === node))
      this.#coordinator.feed({ kind: 'MemberLost', member, reason: 'it is gone' });
  }

  #crashCoordinator(): void {
    if (this.#coordinator.isGone) return;
    this.#coordinator.isGone = true;
    this.#succeed();
  }

  /** A coordinator is gone, or its epoch is undecided: a successor takes it up once the ledger answers. */
  #succeed(): void {
    const { clock, random } = this.#surroundings;
    clock.after(random.between(1_000, random.chance(0.2) ? 40_000 : 4_000), () => {
      if (this.#world.closed !== null) return;
      if (this.#surroundings.isLedgerDown) return this.#succeed();
      this.#fence += 1;
      this.#coordinator = this.#lead();
      const header = { ...this.#input.header, fence: fenceNumber(this.#fence) };
      this.#coordinator.take(recoverGangEpoch({ ...this.#input, header }, this.#world.decision));
      for (const node of this.#world.lostNodes) this.#coordinator.feed({ kind: 'NodeLost', node });
      for (const node of this.#world.newNodes) this.#tellOfDeaths(node);
    });
  }

  #lead(): Coordinator {
    const fence = this.#fence;
    const driver: Coordinator = new MachineDriver(this.#surroundings, {
      step: stepGangEpoch,
      expire: ({ name }): GangEvent => ({ kind: 'DeadlineExpired', name }),
      perform: (effect) => this.#perform(driver, fence, effect),
    });
    const tick = (): void => {
      if (driver.isGone) return;
      driver.feed({ kind: 'Tick' });
      this.#surroundings.clock.after(tickMs, tick);
    };
    this.#surroundings.clock.after(tickMs, tick);
    return driver;
  }

  #perform(driver: Coordinator, fence: number, effect: GangEffect): void {
    const { clock, random } = this.#surroundings;
    const world = this.#world;
    switch (effect.kind) {
      case 'Send':
        return this.#surroundings.deliver(() => this.#agents.get(effect.node)?.hear(effect.command));
      case 'WriteDecision':
        return this.#surroundings.askLedger(
          () => (this.#fence === fence ? world.decide(effect.decision) : 'unavailable'),
          (found) =>
            driver.feed(
              found === 'unavailable'
                ? { kind: 'LedgerUnavailable' }
                : { kind: 'DecisionWritten', decision: found },
            ),
        );
      case 'WriteManifest':
        return clock.after(random.between(1, 50), () => {
          if (driver.isGone) return;
          const fails = this.#surroundings.strikes('stepFailure');
          if (!fails) world.writeManifest();
          driver.feed(fails ? { kind: 'ManifestFailed', reason: 'disk full' } : { kind: 'ManifestWritten' });
        });
      case 'Finish':
        driver.isGone = true;
        if (effect.result === 'undecided') return this.#succeed();
        world.closed = effect.result;
        return;
      case 'RunHooks':
      case 'SetDeadline':
      case 'ClearDeadline':
      case 'Record':
        return;
    }
  }

  #agentPlay(
    node: NodeName,
  ): AgentPlay<MemberEpochState, MemberEvent, MemberEffect, EpochCommand, MemberReport, MemberStep> {
    const world = this.#world;
    return {
      start: (member) =>
        startMemberEpoch({ ...this.#input, member, holdId: testHold(member), limits: memberEpochLimits }),
      step: stepMemberEpoch,
      expire: ({ name }) => ({ kind: 'DeadlineExpired', name }),
      hear: (command) => ({ kind: 'CommandReceived', command }),
      restarted: (member) => {
        const { frozen, hold } = world.member(member);
        return { kind: 'Restarted', found: { frozen, held: hold !== null } };
      },
      persistFailed: { kind: 'PersistFailed', message: 'no space left' },
      reportsOf: ({ context }) => context.reports,
      run: (member, step) => {
        const fails = this.#surroundings.strikes('stepFailure') || world.isImpossible(member, step);
        // A step that fails may have had its effect all the same.
        const isPerformed = !fails || this.#surroundings.random.chance(0.5);
        const result = isPerformed ? world.perform(member, step) : null;
        return fails || result === null
          ? {
              kind: 'StepFailed',
              step: step.step,
              code: 'SP_TEST',
              message: 'no',
              remedy: 'None.',
              retryable: true,
            }
          : { kind: 'StepDone', ...result };
      },
      // CRIU runs on when the agent is killed.
      outlives: ({ step }) => step === 'dump',
      ask: (effect, answer) => {
        if (effect.kind !== 'ReadDecision' && effect.kind !== 'TryAbort') return;
        this.#surroundings.askLedger(
          () => (effect.kind === 'TryAbort' ? world.decide('abort') : (world.decision ?? 'none')),
          (decision) => answer({ kind: 'DecisionRead', decision }),
        );
      },
      reply: ({ context }, reports) => {
        const reply: EpochReply = { ...context.header, kind: 'Reports', node, reports, spans: [] };
        this.#surroundings.deliver(() => this.#coordinator.feed({ kind: 'ReplyReceived', reply }));
      },
      replyUnknown: ({ gang, incarnation, epoch, fence }) => {
        const header = { gang, incarnation, epoch, fence };
        const reply: EpochReply = { ...header, kind: 'Reports', node, reports: [], spans: [] };
        this.#surroundings.deliver(() => this.#coordinator.feed({ kind: 'ReplyReceived', reply }));
      },
    };
  }
}
