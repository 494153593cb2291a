// Checkpoints of gangs: epochs are opened, driven, tried again where a passing reason aborted one, and finished for a
// predecessor that did not live to do it.
import { pause } from '@stillpoint/clock';
import { failures, memberId, nodeName, recoverGangEpoch, startGangEpoch } from '@stillpoint/protocol';
import type { z } from 'zod';
import type { CheckpointResult, checkpointRequestSchema } from './api.ts';
import { checkpointWorld } from './checkpoint-world.ts';
import type { Context } from './context.ts';
import { type Endings, stoppedExitCode } from './endings.ts';
import { epochInput } from './epoch-input.ts';
import { EpochRun } from './epoch-driver.ts';
import type { EpochEnd } from './epoch-world.ts';
import { GaveUp } from './errors.ts';
import type { Gang } from './gang.ts';
import { hookDeadlines } from './hook-specs.ts';
import { isWithoutEffect } from './leader-ledger.ts';
import { limits } from './limits.ts';
import { inBackground, persistently } from './persist.ts';
import type { EpochOpened } from './records.ts';
import type { Retention } from './retention-keeper.ts';
import type { StoredEpoch } from './stored-gang.ts';
import type { VerbContext } from './stream.ts';
import { CheckpointRunning, GangBusy, GangEnding, GangNotRunning } from './verb-errors.ts';
import { epochInfo, findEpoch } from './views.ts';

type Request = z.output<typeof checkpointRequestSchema>;
type Trigger = EpochOpened['trigger'];

export class Checkpoints {
  readonly #context: Context;
  readonly #endings: Endings;
  readonly #retention: Retention;

  constructor(context: Context, endings: Endings, retention: Retention) {
    this.#context = context;
    this.#endings = endings;
    this.#retention = retention;
  }

  /**
   * Makes one epoch. A caller that hangs up has it given up, unless it is decided.
   *
   * @throws `SP_CHECKPOINT_RUNNING`, `SP_GANG_BUSY`, `SP_GANG_NOT_RUNNING`, `SP_GANG_ENDING`, or why it was aborted
   */
  async take(gang: Gang, request: Request, trigger: Trigger, verb: VerbContext): Promise<CheckpointResult> {
    const { clock } = this.#context;
    const startedAtMs = clock.monotonicMs();
    let given: GaveUp | undefined;
    for (let retries = 0; ; retries += 1) {
      const attemptAtMs = clock.monotonicMs();
      const run = await this.#open(gang, request, trigger).catch((error: unknown) => {
        // a gang that an attempt has cost its life can't be cut again: what happened then is to be said
        throw given ?? error;
      });
      const end = await this.#follow(gang, run, request, verb);
      if (end === undefined || end.failure === null) return { ...epochInfo(gang, run.epoch), retries };
      const { failure, result } = end;
      verb.signal.throwIfAborted();
      const mayRetry =
        failure.retryable &&
        result === 'aborted' &&
        retries + 1 < limits.checkpointAttemptsMax &&
        clock.monotonicMs() - startedAtMs < limits.checkpointRetryMs;
      given = new GaveUp(`epoch ${run.epoch} of ${gang.name}`, failure);
      if (!mayRetry) throw given;
      verb.report({ phase: 'retry', message: `${failure.message}; trying again`, epoch: run.epoch });
      // TCP repeats what a hold has dropped up to as long after it as it lasted; until then the next cut is no better
      const pauseMs = Math.max(clock.monotonicMs() - attemptAtMs, limits.checkpointPauseMs);
      await pause(clock, pauseMs, { signal: verb.signal });
    }
  }

  /** Finishes or aborts an epoch that a predecessor left open. */
  recover(gang: Gang, { opened, decision }: StoredEpoch): EpochRun {
    const { fence } = this.#context.store;
    const input = epochInput(
      { ...opened, header: { ...opened.header, fence } },
      gang.newPersistId(fence),
      hookDeadlines(gang.record.hooks ?? [], opened.outcome),
    );
    const first = recoverGangEpoch(input, decision ?? null);
    const run = new EpochRun(
      input.header,
      opened.outcome,
      first,
      checkpointWorld(this.#context, gang, input, opened),
      decision,
    );
    this.#drive(gang, run);
    const killed = opened.members.filter(({ node }) => this.#context.nodes.find(node) === undefined);
    // once the run has begun
    queueMicrotask(() => {
      for (const { node } of killed) run.nodeLost(nodeName(node));
    });
    return run;
  }

  /** An epoch that was committed under *stop* and could not be published: tries to publish it from staging again. */
  async publishAgain(gang: Gang, epoch: StoredEpoch): Promise<EpochEnd> {
    if (gang.epochRun !== undefined) throw new CheckpointRunning(gang.name, gang.epochRun.epoch);
    return this.recover(gang, epoch).untilEnd();
  }

  async #open(gang: Gang, request: Request, trigger: Trigger): Promise<EpochRun> {
    this.#requireCuttable(gang, trigger);
    const { current } = gang;
    if (current === undefined) throw new GangNotRunning(gang);
    gang.isOpeningEpoch = true;
    try {
      const { store, clock } = this.#context;
      const { epoch, mark } = await store.nextEpoch(gang.id);
      const opened: EpochOpened = {
        header: { gang: gang.name, incarnation: current.incarnation, epoch, fence: store.fence },
        outcome: request.outcome,
        outside: request.outside ?? gang.record.outside,
        files: request.files ?? gang.record.files,
        members: current.opened.placement.map(({ member, node }) => ({ member, node })),
        trigger,
        startedAtMs: clock.wallMs(),
      };
      const input = epochInput(
        opened,
        gang.newPersistId(store.fence),
        hookDeadlines(gang.record.hooks ?? [], opened.outcome),
      );
      const open = (): Promise<boolean> => store.openEpoch(input, mark, opened);
      const isOpen = await open().catch((error: unknown) => {
        if (!isWithoutEffect(error)) inBackground(this.#context, this.#giveUpUnknown(gang, opened, open));
        throw error;
      });
      if (!isOpen) throw new GangEnding(gang.name, 'it has changed meanwhile');
      gang.addEpoch({ epoch, opened, isRemoved: false });
      const run = new EpochRun(
        input.header,
        opened.outcome,
        startGangEpoch(input),
        checkpointWorld(this.#context, gang, input, opened),
      );
      this.#drive(gang, run);
      // whoever ended before the run could be told
      for (const [member, { reason }] of gang.ends) run.memberLost(memberId(member), reason);
      return run;
    } finally {
      gang.isOpeningEpoch = false;
    }
  }

  /** The ledger did not say whether it has opened an epoch: one that is open is aborted before another is begun. */
  async #giveUpUnknown(gang: Gang, opened: EpochOpened, open: () => Promise<boolean>): Promise<void> {
    const { epoch } = opened.header;
    gang.unknownEpoch = epoch;
    try {
      const about = { gang: gang.name, epoch };
      if (!(await persistently(this.#context, 'giving an epoch up', open, about))) return;
      gang.addEpoch({ epoch, opened, isRemoved: false });
      this.recover(gang, { epoch, opened, isRemoved: false });
    } finally {
      gang.unknownEpoch = undefined;
    }
  }

  #requireCuttable(gang: Gang, trigger: Trigger): void {
    const open = gang.epochRun?.epoch ?? gang.unknownEpoch;
    if (open !== undefined || gang.isOpeningEpoch) throw new CheckpointRunning(gang.name, open);
    const isOwnVerb = gang.operation === 'migrate' && (trigger === 'migrate' || trigger === 'drain');
    if (gang.operation !== undefined && !isOwnVerb) throw new GangBusy(gang.name, gang.operation);
    const [end] = gang.ends.values();
    if (end !== undefined && !gang.isDead) throw new GangEnding(gang.name, end.reason);
    if (!gang.isRunning) throw new GangNotRunning(gang);
  }

  /** From here on the epoch goes its way, whoever waits for it. */
  #drive(gang: Gang, run: EpochRun): void {
    gang.epochRun = run;
    const stop = run.onPhase(() => gang.changes.notify());
    const driven = this.#untilEnd(gang, run).finally(() => {
      stop();
      gang.epochRun = undefined;
      gang.changes.notify();
    });
    const retained = driven.then(() => this.#retention.apply(gang));
    inBackground(this.#context, retained);
  }

  async #untilEnd(gang: Gang, run: EpochRun): Promise<void> {
    const { opened, closed: before } = findEpoch(gang, run.epoch);
    await run.untilLetGo();
    const isStopped = run.outcome === 'stop' && run.decision === 'commit';
    if (isStopped && gang.current?.incarnation === run.header.incarnation && !gang.isDead) {
      const reason = `stopped by checkpoint ${run.epoch}`;
      const atMs = this.#context.clock.wallMs();
      await this.#endings.end(gang, { state: 'stopped', reason, exitCode: stoppedExitCode, atMs });
    }
    const { result, failure, report } = await run.untilEnd();
    if (report !== undefined) this.#context.metrics.epochClosed({ opened, votes: run.votes, report, before });
    // the ledger is silent: a successor reads what stands there
    if (result === 'undecided')
      throw new GaveUp(`epoch ${run.epoch} of ${gang.name}`, failure ?? failures.ledgerSilent('decide'));
  }

  /** @returns the epoch's end; undefined when it is committed and the caller waits for no more */
  async #follow(
    gang: Gang,
    run: EpochRun,
    request: Request,
    verb: VerbContext,
  ): Promise<EpochEnd | undefined> {
    const { epoch } = run;
    verb.report({ phase: run.phase, message: `epoch ${epoch}: ${run.phase}`, epoch });
    const stop = run.onPhase((phase) => verb.report({ phase, message: `epoch ${epoch}: ${phase}`, epoch }));
    const giveUp = (): void => run.abort('the caller has hung up');
    verb.signal.addEventListener('abort', giveUp, { once: true });
    if (verb.signal.aborted) giveUp();
    try {
      await run.untilLetGo();
      if (run.outcome === 'stop' && run.decision === 'commit')
        await gang.changes.until(() => gang.isDead || undefined);
      if (request.until === 'committed' && run.decision === 'commit') return undefined;
      const end = await run.untilEnd();
      // the next checkpoint may follow at once
      await gang.changes.until(() => gang.epochRun !== run || undefined);
      return end;
    } finally {
      stop();
      verb.signal.removeEventListener('abort', giveUp);
    }
  }
}
