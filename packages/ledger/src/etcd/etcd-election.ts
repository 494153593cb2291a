// Leader election in etcd: each candidate has a key that goes with its lease, and the oldest key leads. A candidate whose
// lease is lost stands again with a new one, behind the others.
import { setTimeout as pause } from 'node:timers/promises';
import type { Election, Leadership } from '../election.ts';
import { ledgerLimits } from '../limits.ts';
import { isUnavailable } from './failures.ts';
import { Lease } from './lease.ts';
import { EtcdMembers } from './members.ts';
import { type EtcdOptions, keyPrefixOf, rangeOf } from './options.ts';

/** @throws `SP_LEDGER_INVALID` for options that can't be right; it is not reached yet. */
export function openEtcdElection(options: EtcdOptions): Election {
  return new EtcdElection(options);
}

class EtcdElection implements Election {
  readonly #members: EtcdMembers;
  /** Below the leader's own keys: who may not write those can't stand either. */
  readonly #candidates: string;

  constructor(options: EtcdOptions) {
    this.#members = new EtcdMembers(options);
    this.#candidates = `${keyPrefixOf(options)}leader/candidates/`;
  }

  async campaign(signal: AbortSignal): Promise<Leadership> {
    for (;;) {
      signal.throwIfAborted();
      try {
        const lease = await Lease.grant(this.#members);
        if (await this.#untilTurn(lease, signal)) {
          return { lost: lease.lost, isHeld: () => lease.isHeld(), resign: () => lease.giveBack() };
        }
      } catch (error) {
        if (!isUnavailable(error)) throw error;
        await pause(ledgerLimits.candidatePollMs);
      }
    }
  }

  close(): Promise<void> {
    this.#members.close();
    return Promise.resolve();
  }

  /** Waits until this candidate's key is the oldest. @returns whether it is; otherwise its lease is lost */
  async #untilTurn(lease: Lease, signal: AbortSignal): Promise<boolean> {
    const key = Buffer.from(this.#candidates + lease.id);
    try {
      // the key is this lease's alone: it may be written twice
      await this.#members.read('stand', ledgerLimits.callDeadlineMs, ({ kv }, call) =>
        kv.put({ key, value: Buffer.from('true'), lease: lease.id }, call),
      );
      while (lease.isHeld()) {
        signal.throwIfAborted();
        const oldest = await this.#oldest();
        if (oldest?.equals(key) === true && lease.isHeld()) return true;
        await pause(ledgerLimits.candidatePollMs);
      }
      await lease.giveBack();
      return false;
    } catch (error) {
      await lease.giveBack();
      throw error;
    }
  }

  async #oldest(): Promise<Buffer | undefined> {
    const { kvs } = await this.#members.read('look', ledgerLimits.callDeadlineMs, ({ kv }, call) =>
      kv.range(
        {
          ...rangeOf(this.#candidates),
          limit: 1,
          sort_order: 'Ascend',
          sort_target: 'Create',
          keys_only: true,
        },
        call,
      ),
    );
    return kvs[0]?.key;
  }
}
