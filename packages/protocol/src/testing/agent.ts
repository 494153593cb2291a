// A simulated agent, for epochs and restores alike: one machine for each member on its node, records that survive its
// crash, and steps that take their time.
import type { MemberId, NodeName } from '../ids.ts';
import type { Step } from '../step.ts';
import { MachineDriver, stepDurationMs, type Surroundings } from './surroundings.ts';

/** How one kind of machine is run by an agent. */
export interface AgentPlay<State, Event, Effect, Command, Report, Run extends { readonly step: string }> {
  readonly start: (member: MemberId) => Step<State, Effect>;
  readonly step: (state: State, event: Event) => Step<State, Effect>;
  readonly expire: (effect: Effect & { readonly kind: 'SetDeadline' }) => Event;
  readonly hear: (command: Command) => Event;
  readonly restarted: (member: MemberId) => Event;
  readonly persistFailed: Event;
  /** Reports that a kept record still makes. */
  readonly reportsOf: (state: State) => readonly Report[];
  /** Does a step in the world. @returns what the machine is told then */
  readonly run: (member: MemberId, step: Run) => Event;
  /** Whether a step goes on when the agent is killed: it is a process of its own. */
  readonly outlives: (step: Run) => boolean;
  readonly ask: (effect: Effect, answer: (event: Event) => void) => void;
  readonly reply: (state: State, reports: readonly Report[]) => void;
  /** The answer to a command of which the agent knows nothing. */
  readonly replyUnknown?: (command: Command) => void;
}

type AgentEffect<State, Report> =
  | { readonly kind: 'Persist'; readonly record: State }
  | { readonly kind: 'Report'; readonly reports: readonly Report[] };

export class SimulatedAgent<
  State,
  Event,
  Effect extends { readonly kind: string },
  Command,
  Report,
  Run extends { readonly step: string },
> {
  readonly node: NodeName;
  readonly #surroundings: Surroundings;
  readonly #play: AgentPlay<State, Event, Effect, Command, Report, Run>;
  readonly #members: readonly MemberId[];
  readonly #records = new Map<MemberId, State>();
  #parts = new Map<MemberId, MachineDriver<State, Event, Effect>>();
  #reports = new Map<MemberId, readonly Report[]>();
  #isUp = true;
  #isNew = false;
  isLost = false;

  constructor(
    surroundings: Surroundings,
    node: NodeName,
    members: readonly MemberId[],
    play: AgentPlay<State, Event, Effect, Command, Report, Run>,
  ) {
    this.#surroundings = surroundings;
    this.node = node;
    this.#members = members;
    this.#play = play;
  }

  hear(command: Command): void {
    if (!this.#isUp) return;
    if (this.#isNew) return this.#play.replyUnknown?.(command);
    for (const member of this.#members) {
      const part = this.#parts.get(member) ?? this.#begin(member);
      part.feed(this.#play.hear(command));
    }
  }

  feed(member: MemberId, event: Event): void {
    this.#parts.get(member)?.feed(event);
  }

  crash(): void {
    if (!this.#isUp) return;
    this.#goDown();
    this.#surroundings.clock.after(this.#surroundings.random.between(200, 8_000), () => this.#restart());
  }

  /** It comes back without members and records, after a while. */
  reboot(afterMs: number): void {
    this.#isNew = true;
    this.#records.clear();
    this.#goDown();
    this.#surroundings.clock.after(afterMs, () => this.#restart());
  }

  vanish(): void {
    this.isLost = true;
    this.#goDown();
  }

  #goDown(): void {
    this.#isUp = false;
    for (const part of this.#parts.values()) part.isGone = true;
    this.#parts = new Map();
    this.#reports = new Map();
  }

  #restart(): void {
    if (this.isLost) return;
    this.#isUp = true;
    for (const [member, state] of this.#records) {
      const part = this.#drive(member);
      this.#reports.set(member, this.#play.reportsOf(state));
      part.take({ state, effects: [] });
      part.feed(this.#play.restarted(member));
    }
  }

  #begin(member: MemberId): MachineDriver<State, Event, Effect> {
    const part = this.#drive(member);
    part.take(this.#play.start(member));
    return part;
  }

  #drive(member: MemberId): MachineDriver<State, Event, Effect> {
    const part = new MachineDriver<State, Event, Effect>(this.#surroundings, {
      step: this.#play.step,
      expire: this.#play.expire,
      perform: (effect) => this.#perform(member, part, effect),
      fails: ({ kind }) => kind === 'Persist' && this.#surroundings.strikes('persistFailure'),
      failed: this.#play.persistFailed,
    });
    this.#parts.set(member, part);
    return part;
  }

  #perform(member: MemberId, part: MachineDriver<State, Event, Effect>, effect: Effect): void {
    const known = effect as unknown as AgentEffect<State, Report>;
    if (effect.kind === 'Run') return this.#run(part, member, effect as unknown as Run);
    if (known.kind === 'Persist') {
      this.#records.set(member, known.record);
    } else if (known.kind === 'Report') {
      this.#reports.set(member, known.reports);
      this.#play.reply(part.state, [...this.#reports.values()].flat());
    } else {
      this.#play.ask(effect, (event) => part.feed(event));
    }
  }

  /** The step takes its time; when the agent dies its steps die with it, but for processes of their own. */
  #run(part: MachineDriver<State, Event, Effect>, member: MemberId, step: Run): void {
    const { clock, random } = this.#surroundings;
    clock.after(stepDurationMs(this.#surroundings, step.step), () => {
      if (this.isLost || this.#isNew || (part.isGone && !this.#play.outlives(step))) return;
      const event = this.#play.run(member, step);
      clock.after(random.between(0, 5), () => part.feed(event));
    });
  }
}
