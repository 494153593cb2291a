// What simulated machines live in: time, chance, queues that lose and double, a ledger that is away at times, and a
// driver for any machine of the protocol. Everything follows from the seed.
import type { Step } from '../step.ts';
import { SimulatedClock } from './clock.ts';
import { seededRandom, type Random } from './random.ts';

/** What goes wrong while the faults last: probabilities, for each message, step, or quarter of a second. */
export interface Faults {
  readonly loss: number;
  readonly duplication: number;
  readonly stepFailure: number;
  /** An agent cannot write its state down. */
  readonly persistFailure: number;
  readonly agentCrash: number;
  readonly coordinatorCrash: number;
  /** The coordinator is stopped for a while and then goes on, unaware. */
  readonly coordinatorPause: number;
  readonly ledgerOutage: number;
  readonly memberDeath: number;
  readonly nodeLoss: number;
  /** A node loses its power and comes back: its members are dead, and its agent knows nothing. */
  readonly reboot: number;
  /** Somebody asks the coordinator to give up. */
  readonly request: number;
}

export const noFaults: Faults = {
  loss: 0,
  duplication: 0,
  stepFailure: 0,
  persistFailure: 0,
  agentCrash: 0,
  coordinatorCrash: 0,
  coordinatorPause: 0,
  ledgerOutage: 0,
  memberDeath: 0,
  nodeLoss: 0,
  reboot: 0,
  request: 0,
};

/** How long things go wrong, and how long everything may take to end well afterwards. */
const faultsMs = 30_000;
export const horizonMs = 900_000;

export class Surroundings {
  readonly clock = new SimulatedClock();
  readonly random: Random;
  readonly #faults: Faults;
  isLedgerDown = false;

  constructor(seed: number, faults: Faults) {
    this.random = seededRandom(seed);
    this.#faults = faults;
  }

  get #isFaulty(): boolean {
    return this.clock.nowMs < faultsMs;
  }

  /** Whether something goes wrong this time. */
  strikes(fault: keyof Faults): boolean {
    return this.#isFaulty && this.random.chance(this.#faults[fault]);
  }

  /** A message on its way: lost, doubled, or late. */
  deliver(receive: () => void): void {
    const copies = this.strikes('duplication') ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      if (this.strikes('loss')) continue;
      const isSlow = this.#isFaulty && this.random.chance(0.05);
      this.clock.after(this.random.between(1, isSlow ? 3_000 : 20), receive);
    }
  }

  /** The ledger does its work, or not, and answers, or not: an outage may swallow only the answer. */
  askLedger<Answer>(work: () => Answer, answer: (found: Answer | 'unavailable') => void): void {
    this.clock.after(this.random.between(1, 20), () => {
      const isDone = !this.isLedgerDown || this.random.chance(0.3);
      const found = isDone ? work() : 'unavailable';
      answer(this.isLedgerDown ? 'unavailable' : found);
    });
  }

  /** Calls four times a second while the faults last; the ledger's outages are its own. */
  planFaults(strike: () => void): void {
    for (let atMs = 50; atMs < faultsMs; atMs += 250) {
      this.clock.after(atMs, () => {
        if (!this.isLedgerDown && this.strikes('ledgerOutage')) this.#takeLedgerAway();
        strike();
      });
    }
  }

  #takeLedgerAway(): void {
    this.isLedgerDown = true;
    const longestMs = this.random.chance(0.2) ? 30_000 : 3_000;
    this.clock.after(this.random.between(200, longestMs), () => {
      this.isLedgerDown = false;
    });
  }
}

/** Steps that take long. The others are over in 30 ms. */
const longestMs: Readonly<Record<string, number>> = {
  note: 500,
  dump: 4_000,
  persist: 4_000,
  restore: 4_000,
};

export const stepDurationMs = ({ random }: Surroundings, step: string): number =>
  random.between(1, longestMs[step] ?? 30);

type DeadlineEffect =
  | { readonly kind: 'SetDeadline'; readonly name: string; readonly afterMs: number }
  | { readonly kind: 'ClearDeadline'; readonly name: string };

export interface MachineHooks<State, Event, Effect> {
  readonly step: (state: State, event: Event) => Step<State, Effect>;
  readonly expire: (effect: Effect & { readonly kind: 'SetDeadline' }) => Event;
  readonly perform: (effect: Effect) => void;
  /** Whether this effect cannot be done; then its whole step has not happened, and `failed` is sent. */
  readonly fails?: (effect: Effect) => boolean;
  readonly failed?: Event;
}

/** Drives one machine: keeps its state as JSON and its deadlines, and performs its effects in order. */
export class MachineDriver<State, Event, Effect extends { readonly kind: string }> {
  readonly #surroundings: Surroundings;
  readonly #hooks: MachineHooks<State, Event, Effect>;
  readonly #deadlines = new Map<string, symbol>();
  #state: State | null = null;
  #pausedUntilMs = 0;
  isGone = false;

  constructor(surroundings: Surroundings, hooks: MachineHooks<State, Event, Effect>) {
    this.#surroundings = surroundings;
    this.#hooks = hooks;
  }

  get state(): State {
    if (this.#state === null) throw new Error('the machine has not begun');
    return this.#state;
  }

  feed(event: Event): void {
    if (this.isGone) return;
    const { clock } = this.#surroundings;
    if (clock.nowMs >= this.#pausedUntilMs) return this.take(this.#hooks.step(this.state, event));
    clock.after(this.#pausedUntilMs - clock.nowMs, () => this.feed(event));
  }

  take({ state, effects }: Step<State, Effect>): void {
    const past = this.#state;
    this.#state = JSON.parse(JSON.stringify(state)) as State;
    for (const effect of effects) {
      if (this.#hooks.fails?.(effect) === true && this.#hooks.failed !== undefined) {
        this.#state = past;
        return this.feed(this.#hooks.failed);
      }
      this.#perform(effect);
    }
  }

  pause(forMs: number): void {
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, this.#surroundings.clock.nowMs + forMs);
  }

  #perform(effect: Effect): void {
    const { kind } = effect;
    if (kind !== 'SetDeadline' && kind !== 'ClearDeadline') return this.#hooks.perform(effect);
    const deadline = effect as unknown as DeadlineEffect;
    const token = Symbol(deadline.name);
    this.#deadlines.set(deadline.name, token);
    if (deadline.kind === 'ClearDeadline') return;
    this.#surroundings.clock.after(deadline.afterMs, () => {
      if (this.isGone || this.#deadlines.get(deadline.name) !== token) return;
      this.feed(this.#hooks.expire(effect as Effect & { readonly kind: 'SetDeadline' }));
    });
  }
}
