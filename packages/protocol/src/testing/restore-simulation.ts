// A closed loop for restores: one coordinator's machine and the members' machines in a world with faults.
import { fenceNumber, memberId, nodeName, type MemberId, type NodeName } from '../ids.ts';
import { memberRestoreLimits, restoreLimits, tickMs } from '../limits.ts';
import type { MemberRestoreEffect, MemberRestoreState } from '../member-restore/effects.ts';
import type { MemberRestoreEvent, MemberRestoreStep } from '../member-restore/events.ts';
import { startMemberRestore, stepMemberRestore } from '../member-restore/attempt.ts';
import {
  recoverRestoreAttempt,
  startRestoreAttempt,
  stepRestoreAttempt,
  type RestoreState,
} from '../restore/attempt.ts';
import type { RestoreEffect, RestoreEvent, RestoreInput, RestoreResult } from '../restore/events.ts';
import type { RestoreCommand, RestoreOutcome, RestoreReply, RestoreReport } from '../restore-messages.ts';
import { invariant } from '../step.ts';
import { SimulatedAgent, type AgentPlay } from './agent.ts';
import { makeRestoreResult, testHeader, testHold } from './fixtures.ts';
import { horizonMs, MachineDriver, Surroundings, type Faults } from './surroundings.ts';

/** The truth of one member that comes back. */
interface RestoredMember {
  readonly member: MemberId;
  readonly node: NodeName;
  /** `absent`: not yet, or killed. */
  state: 'absent' | 'frozen' | 'running';
  wasRestored: boolean;
  wasLifted: boolean;
}

export interface RestoreSimulationResult {
  readonly result: RestoreResult;
  readonly outcome: RestoreOutcome | null;
  readonly members: readonly RestoredMember[];
}

export interface RestoreSimulationOptions {
  readonly seed: number;
  readonly members: number;
  readonly faults: Faults;
}

/** Runs one attempt to its end. @throws when an invariant breaks, or when it does not end */
export function simulateRestore(options: RestoreSimulationOptions): RestoreSimulationResult {
  return new RestoreSimulation(options).run();
}

type Agent = SimulatedAgent<
  MemberRestoreState,
  MemberRestoreEvent,
  MemberRestoreEffect,
  RestoreCommand,
  RestoreReport,
  MemberRestoreStep
>;
type Coordinator = MachineDriver<RestoreState, RestoreEvent, RestoreEffect>;

class RestoreSimulation {
  readonly #surroundings: Surroundings;
  readonly #input: RestoreInput;
  readonly #members: readonly RestoredMember[];
  readonly #agents: Map<NodeName, Agent>;
  #fence = testHeader.fence as number;
  #isOpen = false;
  #outcome: RestoreOutcome | null = null;
  #hasEnded = false;
  #result: RestoreResult | null = null;
  #coordinator: Coordinator;

  constructor({ seed, members, faults }: RestoreSimulationOptions) {
    this.#surroundings = new Surroundings(seed, faults);
    const places = Array.from({ length: members }, (_, index) => ({
      member: memberId(index),
      node: nodeName(`n${index}`),
      addresses: [],
    }));
    this.#members = places.map(({ member, node }) => ({
      member,
      node,
      state: 'absent',
      wasRestored: false,
      wasLifted: false,
    }));
    this.#input = { header: testHeader, members: places, files: 'refuse', limits: restoreLimits };
    this.#agents = new Map(
      places.map(({ member, node }) => [
        node,
        new SimulatedAgent(this.#surroundings, node, [member], this.#agentPlay(node)),
      ]),
    );
    this.#coordinator = this.#lead();
  }

  run(): RestoreSimulationResult {
    const { clock } = this.#surroundings;
    this.#coordinator.take(startRestoreAttempt(this.#input));
    this.#surroundings.planFaults(() => this.#strike());
    while (this.#result === null || this.#members.some(({ state }) => state === 'frozen')) {
      invariant(clock.nowMs < horizonMs, `it ends: ${JSON.stringify(this.#coordinator.state.value)}`);
      invariant(clock.step(), 'somebody still waits for something');
    }
    return { result: this.#result, outcome: this.#outcome, members: this.#members };
  }

  #strike(): void {
    const { random, clock } = this.#surroundings;
    const strikes = (fault: keyof Faults): boolean => this.#surroundings.strikes(fault);
    if (strikes('coordinatorCrash') && !this.#coordinator.isGone) {
      this.#coordinator.isGone = true;
      this.#succeed();
    }
    if (strikes('coordinatorPause')) this.#coordinator.pause(random.between(1_000, 40_000));
    if (strikes('request')) this.#coordinator.feed({ kind: 'AbandonRequested', reason: 'Ctrl-C' });
    for (const agent of this.#agents.values()) {
      if (strikes('agentCrash')) agent.crash();
      if (!strikes('nodeLoss') || agent.isLost) continue;
      agent.vanish();
      for (const member of this.#members) if (member.node === agent.node) member.state = 'absent';
      clock.after(2_000, () => this.#coordinator.feed({ kind: 'NodeLost', node: agent.node }));
    }
    for (const member of this.#members) {
      if (member.state === 'absent' || !strikes('memberDeath')) continue;
      member.state = 'absent';
      this.#agents
        .get(member.node)
        ?.feed(member.member, { kind: 'MemberDied', reason: 'killed by signal 11' });
    }
  }

  /** A coordinator is gone, or its attempt is undecided: a successor takes it up once the ledger answers. */
  #succeed(): void {
    const { clock, random } = this.#surroundings;
    clock.after(random.between(1_000, random.chance(0.2) ? 40_000 : 4_000), () => {
      if (this.#result !== null) return;
      if (this.#surroundings.isLedgerDown) return this.#succeed();
      this.#fence += 1;
      this.#coordinator = this.#lead();
      const input = { ...this.#input, header: { ...this.#input.header, fence: fenceNumber(this.#fence) } };
      this.#coordinator.take(
        this.#isOpen ? recoverRestoreAttempt(input, this.#outcome) : startRestoreAttempt(input),
      );
      for (const agent of this.#agents.values()) {
        if (agent.isLost) this.#coordinator.feed({ kind: 'NodeLost', node: agent.node });
      }
    });
  }

  #lead(): Coordinator {
    const fence = this.#fence;
    const driver: Coordinator = new MachineDriver(this.#surroundings, {
      step: stepRestoreAttempt,
      expire: ({ name }): RestoreEvent => ({ kind: 'DeadlineExpired', name }),
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

  #perform(driver: Coordinator, fence: number, effect: RestoreEffect): void {
    const ask = (work: () => RestoreEvent): void =>
      this.#surroundings.askLedger(
        () => (this.#fence === fence ? work() : 'unavailable'),
        (found) => driver.feed(found === 'unavailable' ? { kind: 'LedgerUnavailable' } : found),
      );
    switch (effect.kind) {
      case 'Send':
        return this.#surroundings.deliver(() => this.#agents.get(effect.node)?.hear(effect.command));
      case 'ClearWay': {
        // as long as it takes: longer than the ledger may be silent
        const { clock, random } = this.#surroundings;
        return clock.after(random.between(10, 60_000), () => driver.feed({ kind: 'WayCleared' }));
      }
      case 'OpenIncarnation':
        return ask(() => {
          this.#isOpen = true;
          return { kind: 'IncarnationOpened' };
        });
      case 'WriteRestoreOutcome':
        return ask(() => ({ kind: 'OutcomeWritten', outcome: this.#decide(effect.outcome) }));
      case 'WriteEnded':
        return ask(() => {
          const isDead = this.#members.every(({ state }) => state === 'absent');
          invariant(this.#outcome === 'go' && isDead, 'all are dead when that is written');
          this.#hasEnded = true;
          return { kind: 'EndedWritten' };
        });
      case 'Finish':
        driver.isGone = true;
        if (effect.result === 'undecided') return this.#succeed();
        this.#checkFinish(effect.result);
        this.#result = effect.result;
        return;
      case 'SetDeadline':
      case 'ClearDeadline':
      case 'Record':
        return;
    }
  }

  /** Create-once. */
  #decide(outcome: RestoreOutcome): RestoreOutcome {
    invariant(this.#isOpen, 'only what is open is decided');
    if (this.#outcome === null && outcome === 'go') {
      invariant(
        this.#members.every(({ wasRestored }) => wasRestored),
        'all are restored before the go',
      );
    }
    this.#outcome ??= outcome;
    return this.#outcome;
  }

  #checkFinish(result: RestoreResult): void {
    if (result === 'running') invariant(this.#outcome === 'go', 'what runs has its `go`');
    if (result === 'abandoned')
      invariant(this.#outcome === 'abandon', 'what is abandoned is so in the ledger');
    if (result === 'ended') invariant(this.#hasEnded, 'what has ended has so in the ledger');
    if (result === 'refused') invariant(!this.#isOpen, 'what is refused was never opened');
  }

  /** Does what a step does to a member. */
  #touch(member: RestoredMember, { step }: MemberRestoreStep): void {
    if (step === 'restore') {
      Object.assign(member, { state: 'frozen', wasRestored: true });
    } else if (step === 'lift') {
      invariant(this.#outcome === 'go', `member ${member.member} is lifted after its go`);
      invariant(!this.#hasEnded, `member ${member.member} is not lifted after the end`);
      if (member.state === 'frozen') Object.assign(member, { state: 'running', wasLifted: true });
    } else if (step === 'abandon') {
      member.state = 'absent';
    }
  }

  #agentPlay(
    node: NodeName,
  ): AgentPlay<
    MemberRestoreState,
    MemberRestoreEvent,
    MemberRestoreEffect,
    RestoreCommand,
    RestoreReport,
    MemberRestoreStep
  > {
    const find = (index: MemberId): RestoredMember => {
      const found = this.#members.find(({ member }) => member === index);
      invariant(found !== undefined, `member ${index} exists`);
      return found;
    };
    return {
      start: (member) =>
        startMemberRestore({
          header: testHeader,
          member,
          holdId: testHold(member),
          limits: memberRestoreLimits,
        }),
      step: stepMemberRestore,
      expire: ({ name }) => ({ kind: 'DeadlineExpired', name }),
      hear: (command) => ({ kind: 'CommandReceived', command }),
      restarted: () => ({ kind: 'Restarted' }),
      persistFailed: { kind: 'PersistFailed', message: 'no space left' },
      reportsOf: ({ context }) => context.reports,
      run: (index, step) => {
        const member = find(index);
        const isDead = (step.step === 'lift' || step.step === 'verify') && member.state === 'absent';
        const fails = this.#surroundings.strikes('stepFailure') || isDead;
        // A step that fails may have had its effect all the same.
        if (!fails || this.#surroundings.random.chance(0.5)) this.#touch(member, step);
        return fails
          ? {
              kind: 'StepFailed',
              step: step.step,
              code: 'SP_TEST',
              message: 'no',
              remedy: 'None.',
              retryable: true,
            }
          : { kind: 'StepDone', ...makeRestoreResult(step.step, testHold(index)) };
      },
      // CRIU is a process of its own, but a later step waits for its end: none is seen after that.
      outlives: () => false,
      ask: (effect, answer) => {
        if (effect.kind !== 'ReadOutcome' && effect.kind !== 'TryAbandon') return;
        this.#surroundings.askLedger(
          () => (effect.kind === 'TryAbandon' ? this.#decide('abandon') : (this.#outcome ?? 'none')),
          (outcome) => answer({ kind: 'OutcomeRead', outcome }),
        );
      },
      reply: ({ context }, reports) => {
        const reply: RestoreReply = { ...context.header, kind: 'RestoreReports', node, reports, spans: [] };
        this.#surroundings.deliver(() => this.#coordinator.feed({ kind: 'ReplyReceived', reply }));
      },
    };
  }
}
