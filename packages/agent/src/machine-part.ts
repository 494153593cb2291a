// Drives one of the protocol's machines for one member: events are taken one by one, each with all its effects in
// order; deadlines are timers; the last persisted state is a file. What the effects mean is the owner's business.
import { rename, rm, writeFile } from 'node:fs/promises';
import type { PhaseSpan, Step } from '@stillpoint/protocol';
import { memberId } from '@stillpoint/protocol';
import type { AgentLog } from './agent-log.ts';

export interface MachinePartOptions<State, Event, Effect> {
  readonly key: string;
  readonly member: number;
  readonly file: string;
  readonly state: State;
  readonly step: (state: State, event: Event) => Step<State, Effect>;
  readonly perform: (effect: Effect) => Promise<void> | void;
  /** The event that tells the machine that its state could not be written down. */
  readonly persistFailed: (message: string) => Event;
  /** What a restarted agent has to know besides the state. */
  readonly kept: unknown;
  readonly log: AgentLog;
}

/** What stands in the file of a part. */
export interface KeptPart<State, Kept> {
  readonly state: State;
  readonly kept: Kept;
}

/** The state could not be written down: nothing that relies on it may be done. */
class StateNotKept extends Error {}

export class MachinePart<State, Event extends { readonly kind: string }, Effect> {
  readonly key: string;
  readonly member: number;
  /** What the member did, and when. */
  readonly spans: PhaseSpan[] = [];
  readonly #options: MachinePartOptions<State, Event, Effect>;
  readonly #timers = new Map<string, NodeJS.Timeout>();
  #state: State;
  #queue: Promise<void> = Promise.resolve();

  constructor(options: MachinePartOptions<State, Event, Effect>) {
    this.#options = options;
    this.#state = options.state;
    this.key = options.key;
    this.member = options.member;
  }

  get state(): State {
    return this.#state;
  }

  /** Performs the effects of the machine's start. */
  begin(effects: readonly Effect[]): void {
    this.#enqueue('start', () => this.#performAll(effects));
  }

  feed(event: Event): void {
    this.#enqueue(event.kind, () => this.#take(event));
  }

  setDeadline(name: string, afterMs: number, onExpired: () => void): void {
    this.clearDeadline(name);
    this.#timers.set(name, setTimeout(onExpired, afterMs));
  }

  clearDeadline(name: string): void {
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
  }

  /** Runs a step of the member beside the machine and notes how long it took. */
  async measure<T>(phase: string, work: () => Promise<T>): Promise<T> {
    const startMs = Date.now();
    try {
      return await work();
    } finally {
      this.spans.push({ member: memberId(this.member), phase, startMs, endMs: Date.now() });
    }
  }

  /** Makes `state` what a restarted agent goes on from. */
  async persist(state: State): Promise<void> {
    const { file, kept } = this.#options;
    try {
      await writeFile(`${file}.new`, JSON.stringify({ state, kept } satisfies KeptPart<State, unknown>));
      await rename(`${file}.new`, file);
    } catch (error) {
      throw new StateNotKept(String(error), { cause: error });
    }
  }

  /** Nothing more will happen: stops its timers and removes its file. */
  async close(): Promise<void> {
    for (const name of this.#timers.keys()) this.clearDeadline(name);
    await rm(this.#options.file, { force: true });
  }

  /** An event whose state can't be kept has not happened; the machine hears that instead. */
  async #take(event: Event): Promise<void> {
    const before = this.#state;
    try {
      await this.#step(event);
    } catch (error) {
      if (!(error instanceof StateNotKept)) throw error;
      this.#options.log.error(
        { part: this.key, event: event.kind, error: error.message },
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
    this.#queue = this.#queue.then(work).catch((error: unknown) => {
      this.#options.log.error(
        { part: this.key, event: name, error: String(error) },
        'an event could not be taken',
      );
    });
  }

  async #performAll(effects: readonly Effect[]): Promise<void> {
    for (const effect of effects) await this.#options.perform(effect);
  }
}
