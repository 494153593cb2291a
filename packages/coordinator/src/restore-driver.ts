// Drives the protocol's machine of one restore attempt: carries out its effects, and feeds it replies, deadlines and
// the ledger's answers. Decides nothing itself.
import { type Clock, Deadlines, every } from '@stillpoint/clock';
import {
  type Failure,
  isRestoreFinished,
  type NodeName,
  type RestoreCommand,
  type RestoreDeadline,
  type RestoreEffect,
  type RestoreEvent,
  type RestoreHeader,
  type RestoreOutcome,
  type RestoreReply,
  type RestoreResult,
  type RestoreState,
  type Step,
  stepRestoreAttempt,
  tickMs,
} from '@stillpoint/protocol';
import type { Logger } from 'pino';
import { CoordinatorEnds } from './errors.ts';
import { fanOut, type FannedEffect } from './fan-out.ts';
import { Questions } from './questions.ts';

/** What the driver needs of the world. */
export interface RestoreWorld {
  readonly clock: Clock;
  send(nodes: readonly string[], command: RestoreCommand): void;
  /** Ends the incarnation before, and brings files to the cut. Bounds itself. @returns why that can't be, or undefined */
  clearWay(): Promise<string | undefined>;
  /** Opens the incarnation in the ledger. @returns why that is not allowed, or undefined */
  open(): Promise<string | undefined>;
  /** Writes the outcome unless there is one. @returns the one that stands */
  decide(outcome: RestoreOutcome, reason: string): Promise<RestoreOutcome>;
  /** Every member of it is dead. */
  markEnded(): Promise<void>;
  onPhase(phase: string): void;
  readonly log: Logger;
}

export interface RestoreEnd {
  readonly result: RestoreResult;
  readonly failure: Failure | null;
}

export class RestoreRun {
  readonly header: RestoreHeader;
  readonly #world: RestoreWorld;
  readonly #deadlines: Deadlines<RestoreDeadline>;
  readonly #end = Promise.withResolvers<RestoreEnd>();
  readonly #questions = new Questions();
  readonly #stopTicking: () => void;
  #state: RestoreState;
  #isOver = false;

  /** @param first the machine's first step */
  constructor(header: RestoreHeader, first: Step<RestoreState, RestoreEffect>, world: RestoreWorld) {
    this.header = header;
    this.#world = world;
    this.#state = first.state;
    this.#deadlines = new Deadlines(world.clock, (name) => this.#step({ kind: 'DeadlineExpired', name }));
    this.#stopTicking = every(world.clock, tickMs, () => this.#step({ kind: 'Tick' }));
    this.#end.promise.catch(() => undefined);
    queueMicrotask(() => this.#guarded(() => this.#perform(first.effects)));
  }

  /** A reply of an agent, to this attempt or to another. */
  receive(reply: RestoreReply): void {
    const { gang, incarnation, fence } = this.header;
    if (reply.gang !== gang || reply.incarnation !== incarnation || reply.fence !== fence) return;
    this.#step({ kind: 'ReplyReceived', reply });
  }

  abandon(reason: string): void {
    this.#step({ kind: 'AbandonRequested', reason });
  }

  nodeLost(node: NodeName): void {
    this.#step({ kind: 'NodeLost', node });
  }

  untilEnd(): Promise<RestoreEnd> {
    return this.#end.promise;
  }

  /** Leaves the attempt as it is, to a successor. */
  abandonToSuccessor(): void {
    this.#fail(new CoordinatorEnds());
  }

  #step(event: RestoreEvent): void {
    if (this.#isOver || isRestoreFinished(this.#state)) return;
    this.#guarded(() => {
      const { state, effects } = stepRestoreAttempt(this.#state, event);
      this.#state = state;
      this.#perform(effects);
    });
  }

  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  #perform(effects: readonly RestoreEffect[]): void {
    for (const effect of fanOut(effects)) this.#performOne(effect);
  }

  #performOne(effect: FannedEffect<RestoreEffect>): void {
    switch (effect.kind) {
      case 'Send':
        return this.#world.send(effect.nodes, effect.command);
      case 'ClearWay':
        return this.#ask('clear', () => this.#world.clearWay(), asCleared);
      case 'OpenIncarnation':
        return this.#ask('open', () => this.#world.open(), asOpened);
      case 'WriteRestoreOutcome':
        return this.#ask(
          effect.outcome,
          () => this.#world.decide(effect.outcome, effect.reason),
          (outcome) => ({ kind: 'OutcomeWritten', outcome }),
        );
      case 'WriteEnded':
        return this.#ask(
          'ended',
          () => this.#world.markEnded(),
          () => ({ kind: 'EndedWritten' }),
        );
      case 'SetDeadline':
        return this.#deadlines.set(effect.name, effect.afterMs);
      case 'ClearDeadline':
        return this.#deadlines.clear(effect.name);
      case 'Record':
        this.#world.log.info({ event: effect.event }, 'restore');
        if (effect.event.kind === 'PhaseEntered') this.#world.onPhase(effect.event.phase);
        return;
      case 'Finish':
        for (const warning of effect.warnings) this.#world.log.warn({ warning }, 'restore');
        this.#stop();
        return this.#end.resolve({ result: effect.result, failure: effect.failure });
    }
  }

  #ask<Answer>(what: string, ask: () => Promise<Answer>, asEvent: (answer: Answer) => RestoreEvent): void {
    this.#questions.ask(
      what,
      ask,
      (answer) => this.#step(asEvent(answer)),
      (error) => {
        this.#world.log.error({ err: error, what }, 'the ledger did not answer');
        this.#step({ kind: 'LedgerUnavailable' });
      },
    );
  }

  #fail(error: Error): void {
    this.#stop();
    this.#end.reject(error);
  }

  #stop(): void {
    this.#isOver = true;
    this.#stopTicking();
    this.#deadlines.clearAll();
  }
}

const asCleared = (refusal: string | undefined): RestoreEvent =>
  refusal === undefined ? { kind: 'WayCleared' } : { kind: 'IncarnationRefused', reason: refusal };

const asOpened = (refusal: string | undefined): RestoreEvent =>
  refusal === undefined ? { kind: 'IncarnationOpened' } : { kind: 'IncarnationRefused', reason: refusal };
