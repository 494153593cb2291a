// Drives the protocol's machine of every member of this node in its epochs. Decides nothing itself.
import {
  type Decision,
  type EpochCommand,
  type EpochHeader,
  isMemberEngaged,
  isStagingStale,
  type MemberEffect,
  type MemberEpochState,
  type MemberEvent,
  stepMemberEpoch,
} from '@stillpoint/protocol';
import { beginEpoch, type EpochPart, headerOf, isOf, keyOf } from './epoch-part.ts';
import { toFailure } from './failure.ts';
import type { Decisions } from './ledger-words.ts';
import { MachinePart } from './machine-part.ts';
import { NodeReports } from './node-reports.ts';
import type { EpochHost, KeptPart, ServiceOptions } from './ports.ts';
import type { SlotOwner } from './sandbox-record.ts';

/** What a leader may still say of a *stop* epoch that others have followed: its image may be in staging only. */
const afterKill: ReadonlySet<EpochCommand['kind']> = new Set(['Decided', 'Persist', 'Forget']);

export class EpochService<Place extends SlotOwner> {
  readonly #options: ServiceOptions;
  readonly #host: EpochHost<Place>;
  readonly #decisions: Decisions;
  readonly #parts = new Map<string, EpochPart<Place>>();
  readonly #reports: NodeReports;

  constructor(options: ServiceOptions, host: EpochHost<Place>, decisions: Decisions) {
    this.#options = options;
    this.#host = host;
    this.#decisions = decisions;
    this.#reports = new NodeReports(options, (header) => this.#partsOf(header));
  }

  /** Goes on where an earlier agent of this node was killed. */
  async recover(): Promise<void> {
    for (const part of await this.#options.store.list()) {
      const { state, kept } = part as KeptPart<MemberEpochState, Place>;
      await this.#recoverPart(kept, state);
    }
  }

  /** The member may be gone: after a *stop* it is, and its image is still to be kept. */
  async #recoverPart(place: Place, state: MemberEpochState): Promise<void> {
    const part = this.#add(place, state);
    part.reports = state.context.reports;
    const { isHere, ...found } = await this.#host.find(place, state.context.holdId);
    part.machine.feed({ kind: 'Restarted', found });
    if (!isHere) part.machine.feed({ kind: 'MemberDied', reason: 'it was gone when its agent came back' });
  }

  /** A coordinator's order: every member of the gang on this node hears it. */
  command(command: EpochCommand): void {
    const { fences, log } = this.#options;
    const isPast = !fences.admitEpoch(command);
    if (isPast && !(fences.isOfLeader(command) && afterKill.has(command.kind))) {
      log.warn(
        { gang: command.gang, incarnation: command.incarnation, epoch: command.epoch, fence: command.fence },
        `${command.kind} is of the past`,
      );
      return;
    }
    const heard = new Set<EpochPart<Place>>();
    const isClosed = fences.isClosed(command);
    // for an epoch of the past no member is touched
    const sandboxes = isPast ? [] : this.#host.sandboxes(command.gang, command.incarnation);
    for (const place of sandboxes) {
      // what an older epoch still has to undo would undo this one's work: the coordinator asks again
      if (this.#supersede(command, place)) continue;
      const known = this.#parts.get(keyOf(command.gang, command.epoch, place.member));
      if (known !== undefined) heard.add(known);
      // one that has forgotten the epoch, for it was over, is not frozen for it again
      else if (!isClosed) heard.add(this.#begin(place, command));
    }
    // Members that a *stop* epoch has removed are no sandboxes any more, but still persist and forget.
    for (const part of this.#parts.values())
      if (isOf(part, command) && !(isPast && isMemberEngaged(part.machine.state))) heard.add(part);
    for (const part of heard) part.machine.feed({ kind: 'CommandReceived', command });
    // after a reboot nothing is known of an epoch that may be committed: that is an answer too
    if (heard.size === 0 && (isClosed || sandboxes.length === 0)) this.#reports.send(command);
  }

  /** A member's processes are gone, not by our hand. */
  memberDied(gang: string, incarnation: number, member: number, reason: string): void {
    for (const part of this.#parts.values()) {
      const header = headerOf(part);
      if (header.gang === gang && header.incarnation === incarnation && part.place.member === member) {
        part.machine.feed({ kind: 'MemberDied', reason });
      }
    }
  }

  /** Members that stay frozen because the decision can't be known. */
  inDoubt(): number {
    const isInDoubt = ({ reports }: EpochPart<Place>): boolean =>
      reports.some(({ kind }) => kind === 'InDoubt');
    return [...this.#parts.values()].filter((part) => !part.isClosed && isInDoubt(part)).length;
  }

  #begin(place: Place, command: EpochCommand): EpochPart<Place> {
    const { state, effects } = beginEpoch(place, command, this.#options.newHoldId());
    const part = this.#add(place, state);
    part.machine.begin(effects);
    return part;
  }

  #add(place: Place, state: MemberEpochState): EpochPart<Place> {
    const { clock, store, metrics, log } = this.#options;
    const { header } = state.context;
    const key = keyOf(header.gang, header.epoch, place.member);
    const part: EpochPart<Place> = {
      place,
      steps: this.#host.epochSteps(place, header),
      machine: new MachinePart<MemberEpochState, MemberEvent, MemberEffect>({
        key,
        work: 'epoch',
        member: place.member,
        clock,
        store,
        state,
        header: ({ context }) => context.header,
        step: stepMemberEpoch,
        perform: (effect) => this.#perform(part, effect),
        expired: (name) => ({ kind: 'DeadlineExpired', name }),
        persistFailed: (message) => ({ kind: 'PersistFailed', message }),
        kept: place,
        onIdle: () => this.#reports.partIsIdle(headerOf(part)),
        metrics,
        log,
      }),
      reports: [],
      isClosed: false,
    };
    this.#parts.set(key, part);
    return part;
  }

  /** Older epochs of the member are closed when a later one comes. @returns whether one still holds the member */
  #supersede(command: EpochCommand, place: Place): boolean {
    let isEngaged = false;
    for (const part of this.#parts.values()) {
      const { gang, epoch } = headerOf(part);
      if (gang !== command.gang || part.place.member !== place.member || epoch >= command.epoch) continue;
      const { state } = part.machine;
      if (isMemberEngaged(state)) {
        isEngaged = true;
        part.machine.feed({ kind: 'Superseded' });
      } else if (isStagingStale(state)) {
        // the order to forget it did not come, or was lost
        const forget = { ...headerOf(part), fence: command.fence, kind: 'Forget' } as const;
        part.machine.feed({ kind: 'CommandReceived', command: forget });
      }
    }
    return isEngaged;
  }

  async #perform(part: EpochPart<Place>, effect: MemberEffect): Promise<void> {
    const { machine } = part;
    const answer = (asked: Promise<Decision | 'none' | 'unavailable'>): void => {
      void asked.then((decision) => machine.feed({ kind: 'DecisionRead', decision }));
    };
    switch (effect.kind) {
      case 'Persist':
        return machine.persist(effect.record);
      case 'Run':
        void part.machine.occupy(() => this.#run(part, effect));
        return;
      case 'Report':
        this.#options.metrics.reported(part.reports, effect.reports);
        part.reports = effect.reports;
        this.#reports.add(headerOf(part));
        return effect.reports.some(({ kind }) => kind === 'Forgotten') ? this.#close(part) : undefined;
      case 'SetDeadline':
        return machine.setDeadline(effect.name, effect.afterMs);
      case 'ClearDeadline':
        return machine.clearDeadline(effect.name);
      case 'ReadDecision':
        return answer(this.#decisions.read(headerOf(part)));
      case 'TryAbort':
        this.#options.log.warn({ ...machine.subject }, effect.reason);
        return answer(this.#decisions.tryAbort(headerOf(part), effect.reason));
      case 'Refused':
        this.#options.log.warn({ ...machine.subject, command: effect.command }, `refused: ${effect.reason}`);
    }
  }

  async #run(
    { machine, steps }: EpochPart<Place>,
    step: Extract<MemberEffect, { kind: 'Run' }>,
  ): Promise<void> {
    try {
      const result = await machine.measure(step.step, () => steps.perform(step));
      if (result.step === 'persist') this.#options.metrics.persisted(result.files);
      machine.feed({ kind: 'StepDone', ...result });
    } catch (error) {
      const failure = toFailure(error);
      this.#options.log.warn({ ...machine.subject, step: step.step, code: failure.code }, failure.message);
      machine.feed({ kind: 'StepFailed', step: step.step, ...failure });
    }
  }

  #partsOf({ gang, epoch }: EpochHeader): EpochPart<Place>[] {
    return [...this.#parts.values()].filter((part) => isOf(part, { gang, epoch }));
  }

  /** The epoch is over for this member. It stays known, so that a late command is answered; older ones go. */
  async #close(part: EpochPart<Place>): Promise<void> {
    const { gang, epoch } = headerOf(part);
    this.#host.epochClosed(gang, epoch);
    this.#options.fences.close(headerOf(part));
    await part.machine.close();
    part.isClosed = true;
    for (const other of this.#parts.values()) {
      const header = headerOf(other);
      if (header.gang !== gang || other.place.member !== part.place.member || header.epoch >= epoch) continue;
      if (other.isClosed) this.#parts.delete(other.machine.key);
    }
  }
}
