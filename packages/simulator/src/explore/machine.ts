// A machine of the protocol whose steps are worked out once: states and events are numbers. Pure.
import type { Step } from '@stillpoint/protocol';
import { Interner } from './intern.ts';
import { Violation } from './violation.ts';

/** What states, events and effects of all machines have in common; each play knows its own. */
export interface AnyState {
  readonly value: unknown;
  readonly context: object;
}
export interface AnyKinded {
  readonly kind: string;
}

export interface MachineStep {
  readonly state: number;
  readonly effects: readonly AnyKinded[];
}

type Outcome = MachineStep | { readonly broken: string };

/** More events than that there never are. */
const eventsMax = 2 ** 20;

/** Texts, warnings and times are for people and clocks: no machine asks what they say. */
const plainWords: Readonly<Record<string, unknown>> = {
  reason: '',
  message: '',
  remedy: '',
  warnings: [],
  afterMs: 0,
};
const plainFailure = { code: '', message: '', remedy: '', retryable: true, phase: '' };

/** The same value for all that differ only in what people read. */
const plain = <Value>(value: Value): Value =>
  JSON.parse(
    JSON.stringify(value, (key, inner: unknown) => {
      if (key in plainWords) return plainWords[key];
      if (key === 'failure' && inner !== null) return plainFailure;
      return key === 'manifestFailure' && inner !== null ? 'failed' : inner;
    }),
  ) as Value;

/** How a machine is stepped, and which of its states are one: nothing that it will ever do tells them apart. */
export interface MachineRules {
  step(state: AnyState, event: AnyKinded): Step<AnyState, AnyKinded>;
  merge(state: AnyState): AnyState;
}

export class Machine {
  readonly states = new Interner<AnyState>();
  readonly events = new Interner<AnyKinded>();
  readonly #rules: MachineRules;
  readonly #outcomes = new Map<number, Outcome>();
  /** States as they were before they were merged. */
  readonly #variants = new Map<number, Interner<AnyState>>();
  /** All that was merged is known by now. */
  #isExamined = false;

  constructor(rules: MachineRules) {
    this.#rules = rules;
  }

  /** The number of different steps that were worked out. */
  get steps(): number {
    return this.#outcomes.size;
  }

  /** @throws `Violation` when the machine finds an invariant of the protocol broken */
  step(state: number, event: number): MachineStep {
    const key = state * eventsMax + event;
    let outcome = this.#outcomes.get(key);
    if (outcome === undefined) {
      outcome = this.#work(this.states.get(state), event);
      this.#outcomes.set(key, outcome);
    }
    if ('broken' in outcome) throw new Violation(outcome.broken);
    return outcome;
  }

  take({ state, effects }: Step<AnyState, AnyKinded>): MachineStep {
    return { state: this.numberOf(state), effects: plain(effects) };
  }

  /** The number of what this state is merged to. */
  numberOf(state: AnyState): number {
    const words = plain(state);
    const id = this.states.idOf(this.#rules.merge(words));
    if (this.#isExamined) return id;
    let variants = this.#variants.get(id);
    if (variants === undefined) this.#variants.set(id, (variants = new Interner()));
    variants.idOf(words);
    return id;
  }

  /** Steps that differ between states that were merged: there must be none. */
  findWronglyMerged(): string | undefined {
    this.#isExamined = true;
    for (const [key, outcome] of this.#outcomes) {
      const [state, event] = [Math.floor(key / eventsMax), key % eventsMax];
      const variants = this.#variants.get(state);
      for (let index = 0; index < (variants?.size ?? 0); index += 1) {
        const variant = variants?.get(index);
        if (variant === undefined) continue;
        const other = this.#work(variant, event);
        if (this.#textOf(other) === this.#textOf(outcome)) continue;
        return [variant, this.events.get(event), outcome, other]
          .map((each) => JSON.stringify(each))
          .join('\n');
      }
    }
    return undefined;
  }

  /** What a step says, with the states that are kept as they are merged. */
  #textOf(outcome: Outcome): string {
    return JSON.stringify(outcome, (key, value: unknown) =>
      key === 'record' ? this.#rules.merge(value as AnyState) : value,
    );
  }

  #work(state: AnyState, event: number): Outcome {
    try {
      return this.take(this.#rules.step(state, this.events.get(event)));
    } catch (error) {
      return { broken: (error as Error).message };
    }
  }
}
