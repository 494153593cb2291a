// Moving gangs to other nodes: stopped by a checkpoint, and restored elsewhere. A move that was begun is finished by
// whoever leads.
import type { RestoreResult } from './api.ts';
import type { Checkpoints } from './checkpoints.ts';
import type { Context } from './context.ts';
import type { Gang } from './gang.ts';
import { limits } from './limits.ts';
import { inBackground, persistently } from './persist.ts';
import { type Placed, placeAgain, placeAway } from './placement.ts';
import type { Move } from './records.ts';
import { lastPlacement, type Restores } from './restores.ts';
import { isStaged, type StoredEpoch } from './stored-gang.ts';
import type { VerbContext } from './stream.ts';
import { NothingToMove } from './node-errors.ts';
import { GangNotRunning, MoveWaits } from './verb-errors.ts';

export class Moves {
  readonly #context: Context;
  readonly #checkpoints: Checkpoints;
  readonly #restores: Restores;

  constructor(context: Context, checkpoints: Checkpoints, restores: Restores) {
    this.#context = context;
    this.#checkpoints = checkpoints;
    this.#restores = restores;
  }

  /**
   * Moves a running gang's members away from a node.
   *
   * @param onto the least loaded nodes unless given
   */
  migrate(
    gang: Gang,
    from: string,
    onto: string | undefined,
    trigger: 'migrate' | 'drain',
    verb: VerbContext,
  ): Promise<RestoreResult> {
    const { nodes } = this.#context;
    nodes.record(from);
    if (onto !== undefined) nodes.requireUsable(onto);
    return gang.operate('migrate', verb.signal, async (signal) => {
      if (!gang.isRunning) throw new GangNotRunning(gang);
      const before = lastPlacement(gang);
      if (!before.some(({ node }) => node === from)) throw new NothingToMove(gang.name, from);
      const placement = placeAway(before, from, onto, this.#restores.usable(gang));
      return this.#move(gang, placement, trigger, { ...verb, signal });
    });
  }

  async #move(
    gang: Gang,
    placement: Placed[],
    trigger: 'migrate' | 'drain',
    verb: VerbContext,
  ): Promise<RestoreResult> {
    const move = { placement, startedAtMs: this.#context.clock.wallMs() };
    await this.#note(gang, move);
    try {
      const checkpoint = { outcome: 'stop', until: 'published' } as const;
      const { epoch } = await this.#checkpoints.take(gang, checkpoint, trigger, verb);
      const result = await this.#bringBack(gang, epoch, placement, verb);
      return { ...result, durationMs: this.#context.clock.wallMs() - move.startedAtMs };
    } catch (error) {
      if (!this.#waits(gang, move) || isForGood(error as { readonly code?: string })) throw error;
      throw new MoveWaits(gang.name, error as Error);
    } finally {
      if (this.#waits(gang, move)) inBackground(this.#context, this.#goOn(gang, move));
      else await this.#note(gang, undefined);
    }
  }

  /** Onto the targets, or where that fails, back to where the gang was: the training goes on. */
  async #bringBack(
    gang: Gang,
    epoch: number | undefined,
    placement: readonly Placed[],
    verb: VerbContext,
  ): Promise<RestoreResult> {
    const place = (): Placed[] => placeAgain(placement, this.#restores.usable(gang));
    try {
      return await this.#restores.attempt(gang, { epoch, place }, verb);
    } catch (error) {
      if (gang.isRunning) throw error;
      const message = `${(error as Error).message}; going back`;
      verb.report({ phase: 'retry', message });
      this.#context.log.warn({ gang: gang.name, epoch, err: error }, 'a migration went back');
      // a caller that has hung up does not leave the gang stopped
      const { closing } = this.#context;
      const again = { epoch, place: () => placeAgain(lastPlacement(gang), this.#restores.usable(gang)) };
      await this.#restores.attempt(gang, again, { ...verb, signal: closing });
      throw error;
    }
  }

  /** A move that a predecessor began: the gang is brought back if its checkpoint had stopped it. */
  async recover(gang: Gang): Promise<void> {
    const { move } = gang;
    if (move === undefined) return;
    const { closing, nodes } = this.#context;
    await gang.changes.until(() => gang.epochRun === undefined || undefined, { signal: closing });
    await nodes.untilReady(limits.startNodesMs);
    await this.#goOn(gang, move);
  }

  /** A gang that is stopped stays so: whatever move waits for its image is forgotten. */
  async cancel(gang: Gang): Promise<void> {
    if (gang.move !== undefined) await this.#note(gang, undefined);
  }

  /** Whether the move has stopped the gang, and waits until its image is in the vault. */
  #waits(gang: Gang, move: Move): boolean {
    const stopped = stoppedBy(gang, move);
    return gang.isDead && stopped !== undefined && isStaged(stopped);
  }

  /** Ends a move that its verb did not: the image is written to the vault first, which is tried until it fits. */
  async #goOn(gang: Gang, move: Move): Promise<void> {
    const { closing, gangs } = this.#context;
    const isForgotten = (): boolean => gang.move !== move || gangs.find(gang.name) !== gang;
    const isFree = (): boolean => gang.operation === undefined && gang.epochRun === undefined;
    let pauseMs: number = limits.publishAgainFirstMs;
    for (;;) {
      await gang.changes.until(() => isForgotten() || isFree() || undefined, { signal: closing });
      if (isForgotten()) return;
      if (!isFree()) continue;
      const stopped = stoppedBy(gang, move);
      if (!gang.isDead || stopped === undefined) break;
      if (!isStaged(stopped)) {
        await this.#finish(gang, stopped, move);
        break;
      }
      const { failure } = await this.#checkpoints.publishAgain(gang, stopped);
      if (failure === null || !this.#waits(gang, move)) continue;
      const { code, message } = failure;
      if (isForGood(failure)) {
        this.#context.log.error(
          { gang: gang.name, epoch: stopped.epoch, code, message },
          'a migration is given up',
        );
        break;
      }
      this.#context.log.warn(
        { gang: gang.name, epoch: stopped.epoch, code, message },
        'a migration waits for the vault',
      );
      const isOver = (): boolean => isForgotten() || gang.operation !== undefined || !gang.isDead;
      await gang.changes.until(() => isOver() || undefined, { deadlineMs: pauseMs, signal: closing });
      pauseMs = Math.min(pauseMs * 2, limits.publishAgainLongestMs);
    }
    await this.#note(gang, undefined);
  }

  async #finish(gang: Gang, { epoch, closed }: StoredEpoch, { placement }: Move): Promise<void> {
    const { closing, log } = this.#context;
    if (closed?.result !== 'published') {
      const { code, reason } = closed ?? {};
      log.error({ gang: gang.name, epoch, code, reason }, 'a migration is given up: its image is not there');
      return;
    }
    try {
      await gang.operate('migrate', closing, (signal) =>
        this.#bringBack(gang, epoch, placement, { signal, report: () => undefined }),
      );
    } catch (error) {
      if (closing.aborted) throw error;
      log.error(
        { gang: gang.name, epoch, err: error },
        'a migration could not be finished; the gang can be restored',
      );
    }
  }

  async #note(gang: Gang, move: Move | undefined): Promise<void> {
    await persistently(this.#context, 'noting a migration', () =>
      this.#context.store.putMove(gang.name, move),
    );
    gang.move = move;
    gang.changes.notify();
  }
}

/** The vault will not take the image, whatever room there is. */
const isForGood = ({ code }: { readonly code?: string }): boolean =>
  code === 'SP_EPOCH_NUMBER_TAKEN' || code === 'SP_VAULT_ALREADY_PUBLISHED';

/** The latest epoch that was to stop the gang for this move. */
const stoppedBy = (gang: Gang, { startedAtMs }: Move): StoredEpoch | undefined =>
  gang.epochs.findLast(({ opened }) => opened.outcome === 'stop' && opened.startedAtMs >= startedAtMs);
