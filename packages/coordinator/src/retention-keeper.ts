// Removes what a gang's retention does not keep. A failure is logged: the next epoch tries again.
import { VaultUnknownEpochError } from '@stillpoint/vault';
import type { Context } from './context.ts';
import type { Gang } from './gang.ts';
import { limits } from './limits.ts';
import { epochsToRemove } from './retention.ts';
import { sweepStaging } from './staging.ts';

export class Retention {
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  async apply(gang: Gang): Promise<void> {
    const { keep, everyMs } = gang.record;
    const kept = keep ?? (everyMs === undefined ? undefined : limits.keepDefault);
    if (kept === undefined) return;
    for (const epoch of epochsToRemove(gang.published(), kept, gang.inUse())) {
      try {
        await this.remove(gang, epoch);
      } catch (error) {
        this.#context.log.warn({ gang: gang.name, epoch, err: error }, 'an old epoch was not removed');
      }
    }
  }

  /** Removes an epoch from the vault. From the first write on nobody can restore it. */
  async remove(gang: Gang, epoch: number): Promise<void> {
    await this.#context.store.markRemoved(gang.name, epoch);
    gang.changeEpoch(epoch, { isRemoved: true });
    await this.#sweep(gang, epoch);
    await sweepStaging(this.#context);
  }

  /** Ends removals that a predecessor did not live to finish. */
  async recover(gang: Gang): Promise<void> {
    const stored = new Set(await this.#context.vault.list(gang.name));
    for (const { epoch, isRemoved } of gang.epochs)
      if (isRemoved && stored.has(epoch)) await this.#sweep(gang, epoch);
  }

  async #sweep(gang: Gang, epoch: number): Promise<void> {
    try {
      await this.#context.vault.remove(gang.name, epoch);
    } catch (error) {
      if (!(error instanceof VaultUnknownEpochError)) throw error;
    }
  }
}
