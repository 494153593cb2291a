// Drives the protocol's machine of every member of this node in its epochs: events in one by one, effects out in
// order. Decides nothing itself.
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Decision, type EpochCommand, type EpochHeader, type EpochReply, isMemberEngaged, type MemberEffect, memberEpochLimits, type MemberEpochState,
  type MemberEvent, memberId, type MemberReport, nodeName, type PhaseSpan, startMemberEpoch, stepMemberEpoch,
} from '@stillpoint/protocol';
import type { Vault } from '@stillpoint/vault';
import type { AgentLog } from './agent-log.ts';
import { EpochSteps } from './epoch-steps.ts';
import { toFailure } from './failure.ts';
import type { DigestCache } from './files/index.ts';
import { type Freezer, isFrozen } from './freezer.ts';
import { listHolds } from './hold.ts';
import { type MemberContext, newHoldId } from './member-cut.ts';
import type { NodeMembers } from './node-members.ts';
import { type HomePaths, nodeRuntime } from './paths.ts';
import type { SandboxRecord } from './sandbox.ts';

/** The ledger's word on an epoch, as an agent may ask for it. */
export interface Decisions {
  read(header: EpochHeader): Promise<Decision | 'none' | 'unavailable'>;
  /** Writes `abort` unless the epoch is decided. @returns what stands in the ledger then */
  tryAbort(header: EpochHeader, reason: string): Promise<Decision | 'none' | 'unavailable'>;
}

export interface EpochServiceOptions {
  readonly paths: HomePaths;
  readonly freezer: Freezer;
  readonly node: string;
  readonly members: NodeMembers;
  readonly vault: Vault;
  readonly decisions: Decisions;
  readonly send: (reply: EpochReply) => void;
  readonly log: AgentLog;
}

/** One member in one epoch, with its machine's state and everything that is under way for it. */
interface Part {
  readonly key: string;
  readonly record: SandboxRecord;
  readonly steps: EpochSteps;
  readonly timers: Map<string, NodeJS.Timeout>;
  state: MemberEpochState;
  reports: readonly MemberReport[];
  spans: PhaseSpan[];
  /** Events are taken one after the other, each with all its effects. */
  queue: Promise<void>;
}

const keyOf = (gang: string, epoch: number, member: number): string => `${gang}.${epoch}.${member}`;

export class EpochService {
  readonly #options: EpochServiceOptions;
  readonly #parts = new Map<string, Part>();
  readonly #digests = new Map<string, DigestCache>();

  constructor(options: EpochServiceOptions) {
    this.#options = options;
  }

  /** Goes on where an earlier agent of this node was killed. */
  async recover(): Promise<void> {
    await mkdir(this.#folder(), { recursive: true });
    for (const name of (await readdir(this.#folder())).filter((file) => file.endsWith('.json'))) {
      const state = JSON.parse(await readFile(join(this.#folder(), name), 'utf8')) as MemberEpochState;
      const { header, member } = state.context;
      const record = this.#options.members.sandboxes(header.gang, header.incarnation).find((sandbox) => sandbox.member === member);
      if (record === undefined) {
        await rm(join(this.#folder(), name));
        continue;
      }
      const part = this.#add(record, header, state);
      part.reports = state.context.reports;
      const { freezer } = this.#options;
      const found = {
        frozen: await isFrozen(freezer, record.slot.cgroup),
        held: (await listHolds(record.slot.namespace)).includes(state.context.holdId),
      };
      this.#feed(part, { kind: 'Restarted', found });
    }
  }

  /** A coordinator's order: every member of the gang on this node hears it, and the node answers once. */
  command(command: EpochCommand): void {
    for (const record of this.#options.members.sandboxes(command.gang, command.incarnation)) {
      this.#supersede(command, record);
      const part = this.#parts.get(keyOf(command.gang, command.epoch, record.member)) ?? this.#begin(record, command);
      this.#feed(part, { kind: 'CommandReceived', command });
    }
    // Members that a *stop* epoch has removed are no sandboxes any more, but still persist and forget.
    for (const part of this.#parts.values()) {
      if (part.state.context.header.gang !== command.gang || part.state.context.header.epoch !== command.epoch) continue;
      if (!this.#isSandbox(part)) this.#feed(part, { kind: 'CommandReceived', command });
    }
  }

  /** A member's processes are gone, not by our hand. */
  memberDied(gang: string, incarnation: number, member: number, reason: string): void {
    for (const part of this.#parts.values()) {
      const { header } = part.state.context;
      if (header.gang === gang && header.incarnation === incarnation && part.record.member === member) {
        this.#feed(part, { kind: 'MemberDied', reason });
      }
    }
  }

  #isSandbox(part: Part): boolean {
    const { gang, incarnation } = part.state.context.header;
    return this.#options.members.sandboxes(gang, incarnation).some((record) => record.member === part.record.member);
  }

  #begin(record: SandboxRecord, command: EpochCommand): Part {
    const { gang, incarnation, epoch, fence } = command;
    const header: EpochHeader = { gang, incarnation, epoch, fence };
    const policy =
      command.kind === 'Preflight'
        ? { outcome: command.outcome, outside: command.outside, files: command.files }
        : { outcome: 'resume' as const, outside: 'refuse' as const, files: 'refuse' as const };
    const step = startMemberEpoch({ header, member: memberId(record.member), ...policy, holdId: newHoldId(), limits: memberEpochLimits });
    const part = this.#add(record, header, step.state);
    part.queue = part.queue.then(() => this.#performAll(part, step.effects));
    return part;
  }

  #add(record: SandboxRecord, header: EpochHeader, state: MemberEpochState): Part {
    const { paths, freezer, vault, members } = this.#options;
    const context: MemberContext = { paths, freezer, record };
    const epochKey = `${header.gang}.${header.epoch}`;
    const digests = this.#digests.get(epochKey) ?? new Map();
    this.#digests.set(epochKey, digests);
    const part: Part = {
      key: keyOf(header.gang, header.epoch, record.member),
      record,
      steps: new EpochSteps(context, header, { vault, digests, removeStopped: () => members.removeMember(record) }),
      timers: new Map(),
      state,
      reports: [],
      spans: [],
      queue: Promise.resolve(),
    };
    this.#parts.set(part.key, part);
    return part;
  }

  /** Older epochs of the member are closed when a later one comes. */
  #supersede(command: EpochCommand, record: SandboxRecord): void {
    for (const part of this.#parts.values()) {
      const { header } = part.state.context;
      if (header.gang !== command.gang || part.record.member !== record.member || header.epoch >= command.epoch) continue;
      this.#feed(part, { kind: 'Superseded' });
    }
  }

  #feed(part: Part, event: MemberEvent): void {
    part.queue = part.queue
      .then(async () => {
        const step = stepMemberEpoch(part.state, event);
        part.state = step.state;
        await this.#performAll(part, step.effects);
      })
      .catch((error: unknown) => {
        this.#options.log.error({ part: part.key, event: event.kind, error: String(error) }, 'an event could not be taken');
      });
  }

  async #performAll(part: Part, effects: readonly MemberEffect[]): Promise<void> {
    for (const effect of effects) await this.#perform(part, effect);
    if (part.reports.some(({ kind }) => kind === 'Forgotten')) this.#close(part);
  }

  async #perform(part: Part, effect: MemberEffect): Promise<void> {
    const { header } = part.state.context;
    switch (effect.kind) {
      case 'Persist':
        return this.#persist(part, effect.record);
      case 'Run':
        void this.#run(part, effect);
        return;
      case 'Report':
        part.reports = effect.reports;
        this.#report(header);
        return;
      case 'SetDeadline':
        this.#clearTimer(part, effect.name);
        part.timers.set(effect.name, setTimeout(() => this.#feed(part, { kind: 'DeadlineExpired', name: effect.name }), effect.afterMs));
        return;
      case 'ClearDeadline':
        this.#clearTimer(part, effect.name);
        return;
      case 'ReadDecision':
        void this.#options.decisions.read(header).then((decision) => this.#feed(part, { kind: 'DecisionRead', decision }));
        return;
      case 'TryAbort':
        this.#options.log.warn({ part: part.key }, effect.reason);
        void this.#options.decisions.tryAbort(header, effect.reason).then((decision) => this.#feed(part, { kind: 'DecisionRead', decision }));
        return;
      case 'Refused':
        this.#options.log.warn({ part: part.key, command: effect.command }, `refused: ${effect.reason}`);
    }
  }

  async #run(part: Part, step: Extract<MemberEffect, { kind: 'Run' }>): Promise<void> {
    const startMs = Date.now();
    try {
      const result = await part.steps.perform(step);
      this.#span(part, step.step, startMs);
      this.#feed(part, { kind: 'StepDone', ...result });
    } catch (error) {
      this.#span(part, step.step, startMs);
      const failure = toFailure(error);
      this.#options.log.warn({ part: part.key, step: step.step, code: failure.code }, failure.message);
      this.#feed(part, { kind: 'StepFailed', step: step.step, ...failure });
    }
  }

  #span(part: Part, phase: string, startMs: number): void {
    part.spans.push({ member: memberId(part.record.member), phase, startMs, endMs: Date.now() });
  }

  /** One answer for all members of the node in this epoch. */
  #report(header: EpochHeader): void {
    const parts = [...this.#parts.values()].filter(
      (part) => part.state.context.header.gang === header.gang && part.state.context.header.epoch === header.epoch,
    );
    this.#options.send({
      kind: 'Reports',
      ...header,
      node: nodeName(this.#options.node),
      reports: parts.flatMap((part) => part.reports),
      spans: parts.flatMap((part) => part.spans),
    });
  }

  async #persist(part: Part, state: MemberEpochState): Promise<void> {
    const file = join(this.#folder(), `${part.key}.json`);
    await writeFile(`${file}.new`, JSON.stringify(state));
    await rename(`${file}.new`, file);
  }

  /** The epoch is over for this member. It stays known while the agent lives, so that a late command is answered. */
  #close(part: Part): void {
    for (const name of part.timers.keys()) this.#clearTimer(part, name);
    this.#digests.delete(`${part.state.context.header.gang}.${part.state.context.header.epoch}`);
    void rm(join(this.#folder(), `${part.key}.json`), { force: true });
    const { gang } = part.state.context.header;
    const older = [...this.#parts.values()].filter(
      (other) => other !== part && other.state.context.header.gang === gang && other.record.member === part.record.member,
    );
    for (const other of older) if (!isMemberEngaged(other.state)) this.#parts.delete(other.key);
  }

  #clearTimer(part: Part, name: string): void {
    clearTimeout(part.timers.get(name));
    part.timers.delete(name);
  }

  #folder(): string {
    return join(nodeRuntime(this.#options.paths, this.#options.node), 'epochs');
  }
}
