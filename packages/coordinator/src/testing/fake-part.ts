// Drives one of the protocol's machines for a member that is only played. Events are taken one by one.
import { memberId, type PhaseSpan, type Step, StillpointError } from '@stillpoint/protocol';

/** What both machines of a member have in common. */
type CommonEffect<State> =
  | { readonly kind: 'Persist'; readonly record: State }
  | { readonly kind: 'Run'; readonly step: string }
  | { readonly kind: 'Report'; readonly reports: readonly unknown[] }
  | { readonly kind: 'SetDeadline'; readonly name: string; readonly afterMs: number }
  | { readonly kind: 'ClearDeadline'; readonly name: string }
  | { readonly kind: 'ReadDecision' | 'ReadOutcome' | 'TryAbort' | 'TryAbandon' | 'Refused' };

export interface FakeWorkings<State, Effect> {
  persist(record: State): void;
  /** @returns what the step found */
  run(step: Extract<Effect, { kind: 'Run' }>): Promise<object>;
  report(): void;
  /** The ledger is asked, and perhaps told. */
  ask(effect: Effect): Promise<void>;
}

export class FakePart<State, Event, Effect extends { readonly kind: string }, Report> {
  readonly member: number;
  readonly spans: PhaseSpan[] = [];
  reports: readonly Report[] = [];
  state: State;
  readonly #step: (state: State, event: Event) => Step<State, Effect>;
  readonly #workings: FakeWorkings<State, Effect>;
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #queue: Event[] = [];
  #isTaking = false;
  #isDead = false;

  constructor(
    member: number,
    state: State,
    step: (state: State, event: Event) => Step<State, Effect>,
    workings: FakeWorkings<State, Effect>,
  ) {
    this.member = member;
    this.state = state;
    this.#step = step;
    this.#workings = workings;
  }

  begin(effects: readonly Effect[]): void {
    this.#perform(effects);
  }

  feed(event: Event): void {
    this.#queue.push(event);
    if (this.#isTaking) return;
    this.#isTaking = true;
    for (let next = this.#queue.shift(); next !== undefined; next = this.#queue.shift()) {
      if (this.#isDead) break;
      const { state, effects } = this.#step(this.state, next);
      this.state = state;
      this.#perform(effects);
    }
    this.#isTaking = false;
  }

  /** Its agent is gone: nothing more is done or said. */
  kill(): void {
    this.#isDead = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
  }

  #perform(effects: readonly Effect[]): void {
    for (const effect of effects) this.#performOne(effect);
  }

  #performOne(effect: Effect): void {
    const common = effect as unknown as CommonEffect<State>;
    switch (common.kind) {
      case 'Persist':
        return this.#workings.persist(common.record);
      case 'Run':
        void this.#run(common.step, effect as Extract<Effect, { kind: 'Run' }>);
        return;
      case 'Report':
        this.reports = common.reports as readonly Report[];
        return this.#workings.report();
      case 'SetDeadline': {
        clearTimeout(this.#timers.get(common.name));
        const expire = (): void => this.feed({ kind: 'DeadlineExpired', name: common.name } as Event);
        this.#timers.set(common.name, setTimeout(expire, common.afterMs));
        return;
      }
      case 'ClearDeadline':
        return clearTimeout(this.#timers.get(common.name));
      case 'ReadDecision':
      case 'ReadOutcome':
      case 'TryAbort':
      case 'TryAbandon':
        void this.#workings.ask(effect).catch(() => undefined);
        return;
      case 'Refused':
    }
  }

  async #run(step: string, effect: Extract<Effect, { kind: 'Run' }>): Promise<void> {
    const startMs = Date.now();
    let event: object;
    try {
      event = { kind: 'StepDone', ...(await this.#workings.run(effect)) };
    } catch (error) {
      const { code, message, remedy, retryable } =
        error instanceof StillpointError
          ? error
          : new StillpointError('SP_FAKE', (error as Error).message, { remedy: 'Mend the test.' });
      event = { kind: 'StepFailed', step, code, message, remedy, retryable };
    }
    if (this.#isDead) return;
    this.spans.push({ member: memberId(this.member), phase: step, startMs, endMs: Date.now() });
    this.feed(event as Event);
  }
}
