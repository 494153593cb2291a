// Drives the protocol's machine of every member of this node in its restore attempts. Decides nothing itself.
import {
  isMemberAbandoned,
  isMemberRestored,
  type MemberId,
  memberId,
  type MemberRestoreEffect,
  type MemberRestoreEvent,
  memberRestoreLimits,
  type MemberRestoreResult,
  type MemberRestoreStep,
  type MemberRestoreState,
  nodeName,
  type RestoreCommand,
  type RestoreHeader,
  type RestoreOutcome,
  type RestoreReport,
  startMemberRestore,
  stepMemberRestore,
} from '@stillpoint/protocol';
import { toFailure } from './failure.ts';
import type { Outcomes } from './ledger-words.ts';
import { MachinePart } from './machine-part.ts';
import type { KeptPart, RestoreHost, ServiceOptions, Stepper } from './ports.ts';

interface RestorePart {
  readonly machine: MachinePart<MemberRestoreState, MemberRestoreEvent, MemberRestoreEffect>;
  readonly steps: Stepper<MemberRestoreStep, MemberRestoreResult>;
  reports: readonly RestoreReport[];
}

const keyOf = (gang: string, incarnation: number, member: number): string =>
  `${gang}.${incarnation}.${member}`;
const headerOf = (part: RestorePart): RestoreHeader => part.machine.state.context.header;

export class RestoreService {
  readonly #options: ServiceOptions;
  readonly #host: RestoreHost;
  readonly #outcomes: Outcomes;
  readonly #parts = new Map<string, RestorePart>();

  constructor(options: ServiceOptions, host: RestoreHost, outcomes: Outcomes) {
    this.#options = options;
    this.#host = host;
    this.#outcomes = outcomes;
  }

  /** Goes on where an earlier agent of this node was killed. */
  async recover(): Promise<void> {
    const { store } = this.#options;
    for (const kept of await store.list()) {
      const { state } = kept as KeptPart<MemberRestoreState, null>;
      const { header, member } = state.context;
      // its member was restored and has gone its way
      if (isMemberRestored(state) && !this.#hasPlace(header, member)) {
        await store.drop(keyOf(header.gang, header.incarnation, member));
        continue;
      }
      const part = this.#add(state);
      part.reports = state.context.reports;
      part.machine.feed({ kind: 'Restarted' });
    }
  }

  /** A coordinator's order: every member that comes back on this node hears it. */
  command(command: RestoreCommand): void {
    const { fences, log } = this.#options;
    const { gang, incarnation, epoch, fence, kind } = command;
    if (!fences.admitRestore(command))
      return log.warn({ gang, incarnation, epoch, fence }, `${kind} is of the past`);
    for (const member of this.#membersOf(command)) {
      const part =
        this.#parts.get(keyOf(command.gang, command.incarnation, member)) ?? this.#begin(command, member);
      part.machine.feed({ kind: 'CommandReceived', command });
    }
    // an attempt that only asks whether it may be begun fences nobody yet
    if (kind === 'RestorePreflight' || kind === 'Abandon') return;
    for (const part of this.#parts.values()) {
      const header = headerOf(part);
      if (header.gang === gang && header.incarnation < incarnation) part.machine.feed({ kind: 'Superseded' });
    }
  }

  /** A restored member's processes are gone, not by our hand. */
  memberDied(gang: string, incarnation: number, member: number, reason: string): void {
    this.#parts.get(keyOf(gang, incarnation, member))?.machine.feed({ kind: 'MemberDied', reason });
  }

  /** The members up to an incarnation were removed: nobody asks any more whether they were restored. */
  async membersRemoved(gang: string, upTo: number): Promise<void> {
    for (const part of this.#parts.values()) {
      const header = headerOf(part);
      if (header.gang === gang && header.incarnation <= upTo && isMemberRestored(part.machine.state))
        await this.#drop(part);
    }
  }

  /** Those that the first order names; later, those that are known here or have a place here. */
  #membersOf(command: RestoreCommand): MemberId[] {
    if (command.kind === 'RestorePreflight') {
      return command.members.filter(({ node }) => node === this.#options.node).map(({ member }) => member);
    }
    const known = [...this.#parts.values()].filter((part) => {
      const { gang, incarnation } = headerOf(part);
      return gang === command.gang && incarnation === command.incarnation;
    });
    const reserved = this.#host.reserved(command.gang, command.incarnation);
    return [...new Set([...known.map((part) => memberId(part.machine.member)), ...reserved.map(memberId)])];
  }

  #hasPlace({ gang, incarnation }: RestoreHeader, member: MemberId): boolean {
    return this.#host.reserved(gang, incarnation).includes(member);
  }

  #begin(command: RestoreCommand, member: MemberId): RestorePart {
    const { gang, incarnation, epoch, fence } = command;
    const { state, effects } = startMemberRestore({
      header: { gang, incarnation, epoch, fence },
      member,
      holdId: this.#options.newHoldId(),
      limits: memberRestoreLimits,
    });
    const part = this.#add(state);
    part.machine.begin(effects);
    return part;
  }

  #add(state: MemberRestoreState): RestorePart {
    const { header, member } = state.context;
    const { clock, store, metrics, log } = this.#options;
    const key = keyOf(header.gang, header.incarnation, member);
    const part: RestorePart = {
      steps: this.#host.restoreSteps(header, member),
      machine: new MachinePart<MemberRestoreState, MemberRestoreEvent, MemberRestoreEffect>({
        key,
        work: 'restore',
        member,
        clock,
        store,
        state,
        header: ({ context }) => context.header,
        step: stepMemberRestore,
        perform: (effect) => this.#perform(part, effect),
        expired: (name) => ({ kind: 'DeadlineExpired', name }),
        persistFailed: (message) => ({ kind: 'PersistFailed', message }),
        kept: null,
        metrics,
        log,
      }),
      reports: [],
    };
    this.#parts.set(key, part);
    return part;
  }

  async #perform(part: RestorePart, effect: MemberRestoreEffect): Promise<void> {
    const { machine } = part;
    const answer = (asked: Promise<RestoreOutcome | 'none' | 'unavailable'>): void => {
      void asked.then((outcome) => machine.feed({ kind: 'OutcomeRead', outcome }));
    };
    switch (effect.kind) {
      case 'Persist':
        return machine.persist(effect.record);
      case 'Run':
        void this.#run(part, effect);
        return;
      case 'Report':
        part.reports = effect.reports;
        this.#report(headerOf(part));
        if (effect.reports.at(-1)?.kind === 'RestoreReady') await this.#dropOlder(part);
        // one that was restored stays known: the coordinator may not have written it down yet
        return effect.reports.some(({ kind }) => kind === 'Abandoned') ? machine.close() : undefined;
      case 'SetDeadline':
        return machine.setDeadline(effect.name, effect.afterMs);
      case 'ClearDeadline':
        return machine.clearDeadline(effect.name);
      case 'ReadOutcome':
        return answer(this.#outcomes.read(headerOf(part)));
      case 'TryAbandon':
        this.#options.log.warn({ ...machine.subject }, effect.reason);
        return answer(this.#outcomes.tryAbandon(headerOf(part), effect.reason));
      case 'Refused':
        this.#options.log.warn({ ...machine.subject, command: effect.command }, `refused: ${effect.reason}`);
    }
  }

  /** What is abandoned stays known until the next attempt, so that a late order is answered. */
  async #dropOlder(part: RestorePart): Promise<void> {
    const { gang, incarnation } = headerOf(part);
    for (const other of this.#parts.values()) {
      const header = headerOf(other);
      const isOlder = header.gang === gang && header.incarnation < incarnation;
      if (isOlder && isMemberAbandoned(other.machine.state)) await this.#drop(other);
    }
  }

  async #drop(part: RestorePart): Promise<void> {
    this.#parts.delete(part.machine.key);
    await part.machine.close();
  }

  async #run(
    { machine, steps }: RestorePart,
    step: Extract<MemberRestoreEffect, { kind: 'Run' }>,
  ): Promise<void> {
    try {
      machine.feed({ kind: 'StepDone', ...(await machine.measure(step.step, () => steps.perform(step))) });
    } catch (error) {
      const failure = toFailure(error);
      this.#options.log.warn({ ...machine.subject, step: step.step, code: failure.code }, failure.message);
      machine.feed({ kind: 'StepFailed', step: step.step, ...failure });
    }
  }

  /** One answer for all members of the node in this attempt. */
  #report(header: RestoreHeader): void {
    const parts = [...this.#parts.values()].filter((part) => {
      const { gang, incarnation } = headerOf(part);
      return gang === header.gang && incarnation === header.incarnation;
    });
    this.#options.send({
      kind: 'RestoreReports',
      ...header,
      node: nodeName(this.#options.node),
      reports: parts.flatMap((part) => part.reports),
      spans: parts.flatMap((part) => part.machine.spans),
    });
  }
}
