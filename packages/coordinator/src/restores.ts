// Bringing a gang back as it was at an epoch: everything that can fail before anything is touched, then the attempt.
import type { Incarnation } from '@stillpoint/protocol';
import type { Manifest } from '@stillpoint/vault';
import type { z } from 'zod';
import type { RestoreResult, restoreRequestSchema } from './api.ts';
import type { Attempts } from './attempts.ts';
import type { Checkpoints } from './checkpoints.ts';
import type { Context } from './context.ts';
import { type Endings, stoppedExitCode } from './endings.ts';
import type { Gang } from './gang.ts';
import { GaveUp } from './errors.ts';
import { limits } from './limits.ts';
import { type Placed, placeAgain, spread, type UsableNode } from './placement.ts';
import type { IncarnationOpened, PlacementRecord } from './records.ts';
import { GangNotEnded } from './restore-errors.ts';
import type { Starts } from './starts.ts';
import { isStaged, type StoredEpoch } from './stored-gang.ts';
import type { VerbContext } from './stream.ts';
import { EpochDamaged, EpochNotPublished, NoPublishedEpoch } from './verb-errors.ts';
import { epochInfo, findEpoch } from './views.ts';

/** What is to be restored, and where. */
export interface Wanted {
  /** The newest one unless given. */
  readonly epoch?: number | undefined;
  readonly files?: 'refuse' | 'save' | 'keep' | undefined;
  /** Called once the epoch before is settled: nodes may have come and gone. */
  readonly place: () => readonly Placed[];
}

interface Plan {
  readonly gang: Gang;
  readonly manifest: Manifest;
  readonly incarnation: Incarnation;
  readonly policy: 'refuse' | 'save' | 'keep';
}

interface Parts {
  readonly endings: Endings;
  readonly starts: Starts;
  readonly checkpoints: Checkpoints;
  readonly attempts: Attempts;
}

export class Restores {
  readonly #context: Context;
  readonly #parts: Parts;

  constructor(context: Context, parts: Parts) {
    this.#context = context;
    this.#parts = parts;
  }

  /** Restores a gang, which is ended first if it runs: once all targets are ready. */
  restore(
    gang: Gang,
    { epoch, onto, files }: z.output<typeof restoreRequestSchema>,
    verb: VerbContext,
  ): Promise<RestoreResult> {
    const place = (): Placed[] => {
      if (onto === undefined) return placeAgain(lastPlacement(gang), this.usable(gang));
      for (const node of onto) this.#context.nodes.requireUsable(node);
      return spread(gang.record.ranks, [...new Set(onto)]);
    };
    return gang.operate('restore', verb.signal, (signal) =>
      this.attempt(gang, { epoch, files, place }, { ...verb, signal }),
    );
  }

  /** Nodes that the gang's members may be placed on, with their loads of other gangs. */
  usable(gang: Gang): UsableNode[] {
    const { nodes, gangs } = this.#context;
    const loadOf = (node: string): number =>
      gangs.membersOn(node).filter((there) => there.gang !== gang).length;
    return nodes.usable().map((node) => ({ ...node, load: loadOf(node.name) }));
  }

  /** One attempt. The caller has the gang for itself. */
  async attempt(gang: Gang, wanted: Wanted, verb: VerbContext): Promise<RestoreResult> {
    const { clock } = this.#context;
    const startedAtMs = clock.wallMs();
    await this.#settleEpoch(gang, verb);
    const epoch = await this.#choose(gang, wanted.epoch);
    return gang.withPinned(epoch.epoch, async () => {
      const placed = wanted.place();
      const plan = await this.#prepare(gang, epoch, wanted, verb);
      const { incarnation } = plan;
      try {
        const opened = await this.#allocate(plan, epoch, placed, verb);
        const attempt = {
          gang,
          incarnation,
          opened,
          files: plan.policy,
          clearWay: () => this.#clearWay(plan, verb),
          open: () => this.#open(plan, opened),
        };
        await this.#parts.attempts.run(attempt, verb);
        const { placement } = opened;
        const durationMs = clock.wallMs() - startedAtMs;
        return { name: gang.name, incarnation, placement, epoch: epoch.epoch, durationMs };
      } catch (error) {
        const reserved = placed.map(({ node }) => node);
        if (gang.current?.incarnation !== incarnation)
          await this.#parts.attempts.discard(gang, incarnation, reserved);
        throw error;
      }
    });
  }

  /** An epoch that can be given up is; one that is decided is finished first. */
  async #settleEpoch(gang: Gang, { signal, report }: VerbContext): Promise<void> {
    const { epochRun } = gang;
    if (epochRun === undefined) return;
    epochRun.abort('the gang is restored');
    report({ phase: 'preflight', message: `waiting for epoch ${epochRun.epoch} to end` });
    await gang.changes.until(() => gang.epochRun !== epochRun || undefined, { signal });
  }

  /** An epoch that is in staging only, because the vault was full or gone, is published first. */
  async #choose(gang: Gang, wanted: number | undefined): Promise<StoredEpoch> {
    const newest = gang.epochs.findLast((epoch) => isStaged(epoch) || isPublished(epoch))?.epoch;
    const number = wanted ?? newest;
    if (number === undefined) throw new NoPublishedEpoch(gang.name);
    const epoch = findEpoch(gang, number);
    if (isStaged(epoch)) {
      const { failure } = await this.#parts.checkpoints.publishAgain(gang, epoch);
      if (failure !== null) throw new GaveUp(`epoch ${number} of ${gang.name} is not in the vault`, failure);
    }
    const { state } = epochInfo(gang, number);
    if (state !== 'published') throw new EpochNotPublished(gang.name, number, state);
    return findEpoch(gang, number);
  }

  /** Everything that can fail before anything is touched. */
  async #prepare(gang: Gang, { epoch }: StoredEpoch, { files }: Wanted, verb: VerbContext): Promise<Plan> {
    const { vault, store } = this.#context;
    verb.report({ phase: 'preflight', message: `reading epoch ${epoch}`, epoch });
    const manifest = await vault.readManifest(gang.name, epoch);
    const incarnation = await store.beginIncarnation(gang.id);
    const plan: Plan = { gang, manifest, incarnation, policy: files ?? gang.record.files };
    await this.#context.files.check(plan, verb.signal);
    // a gang that runs is not ended for an epoch that can't be read; one that has ended has nothing to lose
    if (gang.isRunning) await this.#verify(gang, epoch, verb);
    return plan;
  }

  async #verify(gang: Gang, epoch: number, { signal, report }: VerbContext): Promise<void> {
    const problems = await this.#context.vault.verify(gang.name, epoch, {
      signal,
      onProgress: ({ bytesDone: done, bytesTotal: total }) =>
        report({ phase: 'verify', message: `verifying epoch ${epoch}`, epoch, done, total, unit: 'bytes' }),
    });
    const messages = problems.map(({ message }) => message);
    if (messages.length > 0) throw new EpochDamaged(gang.name, epoch, messages);
  }

  async #allocate(
    { gang, incarnation }: Plan,
    epoch: StoredEpoch,
    placed: readonly Placed[],
    verb: VerbContext,
  ): Promise<IncarnationOpened> {
    const { header } = epoch.opened;
    const before = gang.incarnations.find((each) => each.incarnation === header.incarnation);
    if (before === undefined) throw new Error(`${gang.name} has no incarnation ${header.incarnation}`);
    const placement = await this.#parts.starts.allocate(gang.id, incarnation, placed, verb.signal);
    return {
      placement,
      openedAtMs: this.#context.clock.wallMs(),
      from: {
        epoch: epoch.epoch,
        incarnation: header.incarnation,
        cut: epoch.closed?.cut ?? [],
        addresses: changesOf(before.opened.placement, placement),
      },
    };
  }

  /** The point of no return for the incarnation before. Once nothing of it runs, files go back. */
  async #clearWay(plan: Plan, { signal, report }: VerbContext): Promise<void> {
    const { gang, manifest } = plan;
    if (!gang.isDead) {
      report({ phase: 'clear', message: 'ending what runs of the gang' });
      const reason = `made way for the restore of epoch ${manifest.epoch}`;
      const ending = {
        state: 'stopped',
        reason,
        exitCode: stoppedExitCode,
        atMs: this.#context.clock.wallMs(),
      } as const;
      // it goes on to its end, whatever becomes of the restore
      const ended = this.#parts.endings.end(gang, ending).then(() => true);
      const deadlineMs = limits.endForRestoreMs;
      const isDead = gang.changes.until(() => gang.isDead || undefined, { deadlineMs, signal });
      if ((await Promise.race([ended, isDead])) === undefined)
        throw new GangNotEnded(gang.name, deadlineMs, this.#silentNodes(gang));
    }
    await this.#context.files.roll(plan, signal);
  }

  /** Nodes of the gang that say nothing. */
  #silentNodes(gang: Gang): string[] {
    const { nodes } = this.#context;
    const placed = new Set(gang.current?.opened.placement.map(({ node }) => node));
    return [...placed].filter((node) => nodes.find(node)?.isReady !== true);
  }

  async #open({ gang, incarnation }: Plan, opened: IncarnationOpened): Promise<string | undefined> {
    const refusal = await this.#context.store.openIncarnation(gang.id, incarnation, opened);
    if (refusal === undefined) gang.addIncarnation({ incarnation, opened, isRunning: false, isEnded: false });
    return refusal;
  }
}

const isPublished = ({ closed, isRemoved }: StoredEpoch): boolean =>
  closed?.result === 'published' && !isRemoved;

/** Where the members were last. */
export function lastPlacement(gang: Gang): Placed[] {
  const last = gang.incarnations.findLast(({ outcome }) => outcome === 'go') ?? gang.current;
  return (last?.opened.placement ?? []).map(({ member, node }) => ({ member, node }));
}

function changesOf(before: PlacementRecord, after: PlacementRecord) {
  return after.map(({ member, ipv4, ipv6 }) => {
    const old = before.find((each) => each.member === member);
    const changes =
      old === undefined
        ? []
        : [
            { from: old.ipv4, to: ipv4 },
            { from: old.ipv6, to: ipv6 },
          ];
    return { member, changes };
  });
}
