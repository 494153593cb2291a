// Drives the protocol's machine of one epoch: carries out its effects, and feeds it replies, deadlines and the
// ledger's answers. Decides nothing itself.
import { Deadlines, every } from '@stillpoint/clock';
import {
  type Decision,
  type EpochHeader,
  type EpochReply,
  type GangDeadline,
  type GangEffect,
  type GangEpochState,
  type GangEvent,
  type HookStage,
  isGangEpochFinished,
  type ManifestMember,
  type MemberId,
  type NodeName,
  type Outcome,
  type Step,
  stepGangEpoch,
  tickMs,
} from '@stillpoint/protocol';
import { EpochJournal, type Vote } from './epoch-journal.ts';
import { CoordinatorEnds } from './errors.ts';
import type { EpochEnd, EpochWorld } from './epoch-world.ts';
import { fanOut, type FannedEffect } from './fan-out.ts';
import { Questions } from './questions.ts';
import { Changes } from './wait.ts';

export class EpochRun {
  readonly header: EpochHeader;
  readonly outcome: Outcome;
  readonly #world: EpochWorld;
  readonly #journal: EpochJournal;
  readonly #changes: Changes;
  readonly #deadlines: Deadlines<GangDeadline>;
  readonly #questions = new Questions();
  readonly #stopTicking: () => void;
  #state: GangEpochState;
  #ending: Promise<EpochEnd> | undefined;
  #end: EpochEnd | undefined;
  #broken: Error | undefined;
  #hooks = new AbortController();

  /**
   * @param first the machine's first step; the ledger has opened the epoch already
   * @param decision what a predecessor had decided
   */
  constructor(
    header: EpochHeader,
    outcome: Outcome,
    first: Step<GangEpochState, GangEffect>,
    world: EpochWorld,
    decision?: Decision,
  ) {
    this.header = header;
    this.outcome = outcome;
    this.#world = world;
    this.#journal = new EpochJournal(world.clock);
    this.#changes = new Changes(world.clock);
    this.#deadlines = new Deadlines(world.clock, (name) => this.#step({ kind: 'DeadlineExpired', name }));
    this.#state = first.state;
    if (decision !== undefined) this.#journal.addDecision(decision);
    this.#stopTicking = every(world.clock, tickMs, () => this.#step({ kind: 'Tick' }));
    // a caller that has just been given the run hears of its first phase too
    queueMicrotask(() => this.#perform(first.effects));
  }

  get epoch(): number {
    return this.header.epoch;
  }

  get phase(): string {
    return this.#journal.phase;
  }

  /** The decision, once it is known. */
  get decision(): Decision | undefined {
    return this.#journal.decision?.decision;
  }

  /** How its members have voted, by now. */
  get votes(): readonly Vote[] {
    return this.#journal.votes();
  }

  /** Whether no member is held, or ever will be: all run on, or all were killed. */
  get hasLetGo(): boolean {
    return this.#end !== undefined || this.#journal.hasLetGo;
  }

  /** Calls back at every phase. @returns a function that ends it */
  onPhase(listener: (phase: string) => void): () => void {
    return this.#journal.onPhase(listener);
  }

  /** A reply of an agent, to this epoch or to another. */
  receive(reply: EpochReply): void {
    const { gang, epoch, fence } = this.header;
    if (reply.gang !== gang || reply.epoch !== epoch || reply.fence !== fence) return;
    this.#journal.addReply(reply);
    this.#step({ kind: 'ReplyReceived', reply });
  }

  abort(reason: string): void {
    this.#step({ kind: 'AbortRequested', reason });
  }

  memberLost(member: MemberId, reason: string): void {
    this.#step({ kind: 'MemberLost', member, reason });
  }

  nodeLost(node: NodeName): void {
    this.#step({ kind: 'NodeLost', node });
  }

  /**
   * Waits until the epoch is decided and all members run on, or were killed.
   *
   * @returns how it ended, if it has ended by then
   * @throws the signal's reason
   */
  async untilLetGo(options: { readonly signal?: AbortSignal } = {}): Promise<EpochEnd | undefined> {
    await this.#until(() => this.hasLetGo || undefined, options);
    return this.#end;
  }

  /** Waits for the epoch's end, whatever it is. @throws the signal's reason */
  async untilEnd(options: { readonly signal?: AbortSignal } = {}): Promise<EpochEnd> {
    await this.#until(() => this.#end, options);
    if (this.#end === undefined) throw new Error('an epoch without a deadline was overdue');
    return this.#end;
  }

  /** Leaves the epoch as it is, to a successor. */
  abandonToSuccessor(): void {
    this.#stopClocks();
    this.#broken ??= new CoordinatorEnds();
    this.#changes.notify();
  }

  async #until(look: () => unknown, options: { readonly signal?: AbortSignal }): Promise<void> {
    const lookAgain = (): unknown => {
      if (this.#broken !== undefined) throw this.#broken;
      return look();
    };
    await this.#changes.until(lookAgain, options);
  }

  #step(event: GangEvent): void {
    if (this.#broken !== undefined || isGangEpochFinished(this.#state)) return;
    try {
      const { state, effects } = stepGangEpoch(this.#state, event);
      this.#state = state;
      this.#perform(effects);
    } catch (error) {
      this.#break(error as Error);
    }
  }

  #perform(effects: readonly GangEffect[]): void {
    for (const effect of fanOut(effects)) this.#performOne(effect);
    if (effects.length > 0) this.#changes.notify();
  }

  #performOne(effect: FannedEffect<GangEffect>): void {
    switch (effect.kind) {
      case 'Send':
        return this.#world.send(effect.nodes, effect.command);
      case 'WriteDecision':
        return this.#decide(effect.decision, effect.reason);
      case 'SetDeadline':
        return this.#deadlines.set(effect.name, effect.afterMs);
      case 'ClearDeadline':
        return this.#deadlines.clear(effect.name);
      case 'RunHooks':
        return this.#runHooks(effect.stage);
      case 'WriteManifest':
        return this.#publish(effect.members);
      case 'Record':
        this.#world.log.info({ event: effect.event }, 'epoch');
        return this.#journal.addProgress(effect.event);
      case 'Finish':
        return this.#finish(effect);
    }
  }

  #decide(decision: Decision, reason: string): void {
    this.#questions.ask(
      decision,
      () => this.#world.decide(decision, reason),
      (found) => {
        this.#journal.addDecision(found);
        this.#step({ kind: 'DecisionWritten', decision: found });
      },
      (error) => {
        this.#world.log.error({ err: error, decision }, 'the decision could not be written');
        this.#step({ kind: 'LedgerUnavailable' });
      },
    );
  }

  /** One stage at a time: hooks of one that was given up are not waited for. */
  #runHooks(stage: HookStage): void {
    this.#hooks.abort(new Error('the epoch goes on without them'));
    this.#hooks = new AbortController();
    const { signal } = this.#hooks;
    void this.#world
      .runHooks(stage, { signal, report: (report) => this.#journal.addHook(report) })
      .then((finished) => this.#step(finished));
  }

  #publish(members: readonly ManifestMember[]): void {
    this.#journal.addMembers(members);
    void this.#world.publish(members).then(
      () => this.#step({ kind: 'ManifestWritten' }),
      (error: unknown) => {
        this.#world.log.error({ err: error }, 'the manifest could not be written');
        this.#step({ kind: 'ManifestFailed', reason: (error as Error).message });
      },
    );
  }

  #finish({ result, failure, warnings }: Extract<GangEffect, { kind: 'Finish' }>): void {
    this.#stopClocks();
    for (const warning of warnings) this.#world.log.warn({ warning }, 'epoch');
    const closed: Promise<Omit<EpochEnd, 'result'>> =
      result === 'undecided'
        ? Promise.resolve({ report: undefined, failure })
        : this.#world.close({ report: this.#journal.report(result, failure), failure });
    this.#ending ??= closed.then((stands) => {
      this.#end = { ...stands, result: stands.report?.result ?? result };
      this.#changes.notify();
      return this.#end;
    });
    this.#ending.catch((error: unknown) => this.#break(error as Error));
  }

  #break(error: Error): void {
    this.#world.log.error({ err: error }, 'the epoch can’t go on');
    this.#broken ??= error;
    this.#stopClocks();
    this.#changes.notify();
  }

  #stopClocks(): void {
    this.#hooks.abort(new Error('the epoch is over'));
    this.#stopTicking();
    this.#deadlines.clearAll();
  }
}
