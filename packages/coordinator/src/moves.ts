// Moving gangs to other nodes: stopped by a checkpoint, and restored elsewhere. A move that was begun is finished by
// whoever leads.
import type { RestoreResult } from './api.ts';
import type { Checkpoints } from './checkpoints.ts';
import type { Context } from './context.ts';
import type { Gang } from './gang.ts';
import { limits } from './limits.ts';
import { persistently } from './persist.ts';
import { type Placed, placeAgain, placeAway } from './placement.ts';
import type { Move } from './records.ts';
import { lastPlacement, type Restores } from './restores.ts';
import type { VerbContext } from './stream.ts';
import { GangNotRunning, NothingToMove } from './verb-errors.ts';

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
      if (!gang.isRunning) throw new GangNotRunning(gang.name, gang.state);
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
    const startedAtMs = Date.now();
    await this.#note(gang, { placement, startedAtMs });
    try {
      const checkpoint = { outcome: 'stop', until: 'published' } as const;
      const { epoch } = await this.#checkpoints.take(gang, checkpoint, trigger, verb);
      const result = await this.#bringBack(gang, epoch, placement, verb);
      return { ...result, durationMs: Date.now() - startedAtMs };
    } finally {
      await this.#note(gang, undefined);
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
      this.#context.log.warn({ gang: gang.name, err: error }, 'a migration went back');
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
    await gang.changes.until(() => gang.epochRun === undefined || undefined, {
      signal: this.#context.closing,
    });
    const { closing, log, nodes } = this.#context;
    await nodes.untilReady(limits.startNodesMs);
    try {
      await gang.operate('migrate', closing, async (signal) => {
        const stopped = gang.epochs.findLast(({ closed }) => closed?.result === 'published');
        const isStoppedByMove =
          stopped !== undefined &&
          stopped.opened.outcome === 'stop' &&
          stopped.opened.startedAtMs >= move.startedAtMs;
        const verb: VerbContext = { signal, report: () => undefined };
        if (gang.isDead && isStoppedByMove) await this.#bringBack(gang, stopped.epoch, move.placement, verb);
      });
    } catch (error) {
      if (closing.aborted) throw error;
      log.error(
        { gang: gang.name, err: error },
        'a migration could not be finished; the gang can be restored',
      );
    }
    await this.#note(gang, undefined);
  }

  async #note(gang: Gang, move: Move | undefined): Promise<void> {
    await persistently(this.#context, 'noting a migration', () =>
      this.#context.store.putMove(gang.name, move),
    );
    gang.move = move;
  }
}
