// Drives one of the protocol's machines for one member: events are taken one by one, each with all its effects in
// order; what a successor goes on from is kept. What the effects mean is the owner's business.
import { type Clock, Deadlines } from '@stillpoint/clock';
import type { EpochHeader, MemberDeadline, PhaseSpan, Step } from '@stillpoint/protocol';
import { memberId } from '@stillpoint/protocol';
import type { AgentLog } from './agent-log.ts';
import type { AgentMetrics, EndedStep } from './metrics.ts';
import type { PartStore } from './ports.ts';

export interface MachinePartOptions<State, Event, Effect> {
  readonly key: string;
  readonly work: EndedStep['work'];
  readonly member: number;
  readonly clock: Clock;
  readonly store: PartStore;
  readonly state: State;
  readonly header: (state: State) => EpochHeader;
  readonly step: (state: State, event: Event) => Step<State, Effect>;
  readonly perform: (effect: Effect) => Promise<void> | void;
  readonly expired: (name: MemberDeadline) => Event;
  /** The event that tells the machine that its state could not be written down. */
  readonly persistFailed: (message: string) => Event;
  /** What a restarted agent has to know besides the state. */
  readonly kept: unknown;
  /** Told whenever nothing is under way any more: no event waits, no step runs. */
  readonly onIdle?: () => void;
  readonly metrics: AgentMetrics;
  readonly log: AgentLog;
}

/** The fields by which lines of a log are found, of the coordinator's and of every agent's. */
type Subject = EpochHeader & { readonly member: number };

/** The state could not be written down: nothing that relies on it may be done. */
class StateNotKept extends Error {}

export class MachinePart<State, Event extends { readonly kind: string }, Effect> {
  readonly key: string;
  readonly member: number;
  /** What the member did, and when. */
  readonly spans: PhaseSpan[] = [];
  readonly #options: MachinePartOptions<State, Event, Effect>;
  readonly #deadlines: Deadlines<MemberDeadline>;
  #state: State;
  #queue: Promise<void> = Promise.resolve();
  #underWay = 0;

  constructor(options: MachinePartOptions<State, Event, Effect>) {
    this.#options = options;
    this.#state = options.state;
    this.#deadlines = new Deadlines(options.clock, (name) => this.feed(options.expired(name)));
    this.key = options.key;
    this.member = options.member;
  }

  /** Of a line in the log: whom it is about. */
  get subject(): Subject {
    const { gang, incarnation, epoch, fence } = this.#options.header(this.#state);
    return { gang, incarnation, epoch, fence, member: this.member };
  }

  get state(): State {
    return this.#state;
  }

  /** Whether an event waits or a step runs. */
  get isBusy(): boolean {
    return this.#underWay > 0;
  }

  /** The part is busy until the work has ended. */
  async occupy(work: () => Promise<void>): Promise<void> {
    this.#underWay += 1;
    try {
      await work();
    } finally {
      this.#underWay -= 1;
      if (!this.isBusy) this.#options.onIdle?.();
    }
  }

  /** Performs the effects of the machine's start. */
  begin(effects: readonly Effect[]): void {
    this.#enqueue('start', () => this.#performAll(effects));
  }

  feed(event: Event): void {
    this.#enqueue(event.kind, () => this.#take(event));
  }

  setDeadline(name: MemberDeadline, afterMs: number): void {
    this.#deadlines.set(name, afterMs);
  }

  clearDeadline(name: MemberDeadline): void {
    this.#deadlines.clear(name);
  }

  /** Runs a step of the member beside the machine and notes how long it took. */
  async measure<T>(phase: string, work: () => Promise<T>): Promise<T> {
    const { clock, metrics } = this.#options;
    const startMs = clock.wallMs();
    const begunMs = clock.monotonicMs();
    let result: EndedStep['result'] = 'failed';
    try {
      const found = await work();
      result = 'done';
      return found;
    } finally {
      this.spans.push({ member: memberId(this.member), phase, startMs, endMs: clock.wallMs() });
      metrics.stepEnded({ work: this.#options.work, phase, result, ms: clock.monotonicMs() - begunMs });
    }
  }

  /** Makes `state` what a restarted agent goes on from. */
  async persist(state: State): Promise<void> {
    const { store, kept } = this.#options;
    try {
      await store.keep(this.key, { state, kept });
    } catch (error) {
      throw new StateNotKept(String(error), { cause: error });
    }
  }

  /** Nothing more will happen: stops its timers, and a successor has nothing to go on with. */
  close(): Promise<void> {
    this.#deadlines.clearAll();
    return this.#options.store.drop(this.key);
  }

  /** An event whose state can't be kept has not happened; the machine hears that instead. */
  async #take(event: Event): Promise<void> {
    const before = this.#state;
    try {
      await this.#step(event);
    } catch (error) {
      if (!(error instanceof StateNotKept)) throw error;
      this.#options.log.error(
        { ...this.subject, event: event.kind, error: error.message },
        'a state was not kept',
      );
      this.#state = before;
      await this.#step(this.#options.persistFailed(error.message));
    }
  }

  async #step(event: Event): Promise<void> {
    const { state, effects } = this.#options.step(this.#state, event);
    this.#state = state;
    await this.#performAll(effects);
  }

  #enqueue(name: string, work: () => Promise<void>): void {
    const before = this.#queue;
    this.#queue = this.occupy(() =>
      before.then(work).catch((error: unknown) => {
        this.#options.log.error(
          { ...this.subject, event: name, error: String(error) },
          'an event could not be taken',
        );
      }),
    );
  }

  async #performAll(effects: readonly Effect[]): Promise<void> {
    for (const effect of effects) await this.#options.perform(effect);
  }
}
