// The ledger in etcd: a value is its canonical JSON text, a transaction one of etcd's, and every read is linearizable.
import type { CallOptions } from '@grpc/grpc-js';
import type { Etcd3, IRangeRequest, ITxnResponse } from 'etcd3';
import { randomUUID } from 'node:crypto';
import { LedgerAtLimitError, LedgerUnavailableError } from '../errors.ts';
import type {
  Entry,
  Ledger,
  LedgerCall,
  LedgerEvent,
  Listing,
  Transaction,
  TransactionResult,
} from '../ledger.ts';
import { ledgerLimits } from '../limits.ts';
import { checkKey, checkPrefix, recordTransaction } from '../transaction.ts';
import { EtcdForm } from './form.ts';
import { EtcdMembers } from './members.ts';
import { type EtcdOptions, keyPrefixOf, rangeOf } from './options.ts';
import { EtcdWatch } from './watch.ts';

/**
 * Opens the ledger in an etcd, of one member or several.
 *
 * `spareBytes` of a call is compared with what etcd's quota leaves (`quotaBytes`), by the size that the member asked
 * has on its disk: etcd itself counts so. Old revisions count until etcd compacts and its operator defragments it:
 * run it with `--auto-compaction-retention`. A watch keeps the process running until it is stopped.
 *
 * @throws `SP_LEDGER_UNAVAILABLE` when no member answers, `SP_LEDGER_INVALID` for options that can't be right.
 */
export async function openEtcdLedger(options: EtcdOptions, call: LedgerCall = {}): Promise<Ledger> {
  const members = new EtcdMembers(options);
  try {
    await members.findOne(call.deadlineMs ?? ledgerLimits.callDeadlineMs);
    return new EtcdLedger(members, options);
  } catch (error) {
    members.close();
    throw error;
  }
}

/** How long a call may take yet. */
type TimeLeft = () => number;

class EtcdLedger implements Ledger {
  readonly #members: EtcdMembers;
  readonly #form: EtcdForm;
  readonly #quotaBytes: number;
  readonly #watches = new Set<EtcdWatch>();
  #callsWaiting = 0;

  constructor(members: EtcdMembers, options: EtcdOptions) {
    this.#members = members;
    this.#form = new EtcdForm(members.name, keyPrefixOf(options));
    this.#quotaBytes = options.quotaBytes ?? ledgerLimits.etcdQuotaBytes;
  }

  async transact(transaction: Transaction, call?: LedgerCall): Promise<TransactionResult> {
    const recorded = recordTransaction(randomUUID(), transaction);
    const request = this.#form.transaction(recorded);
    const isReading = recorded.put.length + recorded.remove.length === 0;
    return await this.#within(call, async (leftMs) => {
      const ask = (member: Etcd3, options: CallOptions): Promise<ITxnResponse> =>
        member.kv.txn(request, options);
      if (isReading) return this.#result(await this.#members.read('read', leftMs(), ask));
      await this.#requireRoom(call?.spareBytes ?? 0, leftMs);
      return this.#result(await this.#members.write('transact', leftMs(), ask));
    });
  }

  async get(key: string, call?: LedgerCall): Promise<Entry | undefined> {
    checkKey(key);
    return await this.#within(call, async (leftMs) => {
      const { kvs } = await this.#range({ key: this.#form.key(key) }, leftMs);
      return kvs[0] === undefined ? undefined : this.#form.entry(kvs[0]);
    });
  }

  async list(prefix: string, call?: LedgerCall): Promise<Listing> {
    checkPrefix(prefix);
    return await this.#within(call, async (leftMs) => {
      for (;;) {
        try {
          return await this.#listAtOneRevision(prefix, leftMs);
        } catch (error) {
          // compacted between two pages: begin anew, at a newer revision
          if (!String(error).includes('required revision has been compacted') || leftMs() <= 0) throw error;
        }
      }
    });
  }

  async watch(
    prefix: string,
    callback: (event: LedgerEvent) => void,
    call?: LedgerCall,
  ): Promise<() => void> {
    checkPrefix(prefix);
    return await this.#within(call, async (leftMs) => {
      // not what the member that watches takes for the latest: it may be behind
      const { header } = await this.#range({ key: this.#form.key(prefix), count_only: true }, leftMs);
      const watch = new EtcdWatch({
        members: this.#members,
        form: this.#form,
        prefix,
        after: Number(header.revision),
        tell: callback,
        onEnd: () => this.#watches.delete(watch),
      });
      this.#watches.add(watch);
      try {
        await watch.begin(leftMs());
      } catch (error) {
        watch.stop();
        throw error;
      }
      return () => watch.stop();
    });
  }

  close(): Promise<void> {
    for (const watch of this.#watches) watch.stop();
    this.#members.close();
    return Promise.resolve();
  }

  async #listAtOneRevision(prefix: string, leftMs: TimeLeft): Promise<Listing> {
    const { key: first, range_end } = rangeOf(this.#form.keyPrefix + prefix);
    const entries: Entry[] = [];
    let key = first;
    let revision: string | undefined;
    for (;;) {
      const at = revision === undefined ? {} : { revision };
      const page = await this.#range({ key, range_end, limit: ledgerLimits.pageEntriesMax, ...at }, leftMs);
      revision ??= page.header.revision;
      for (const kv of page.kvs) entries.push(this.#form.entry(kv));
      const last = page.kvs.at(-1);
      if (!page.more || last === undefined) return { revision: Number(revision), entries };
      key = Buffer.concat([last.key, Buffer.from([0])]);
    }
  }

  async #range(request: IRangeRequest, leftMs: TimeLeft) {
    return await this.#members.read('read', leftMs(), (member, options) => member.kv.range(request, options));
  }

  /** @throws `SP_LEDGER_AT_LIMIT` */
  async #requireRoom(spareBytes: number, leftMs: TimeLeft): Promise<void> {
    if (spareBytes === 0) return;
    const { dbSize } = await this.#members.read('status', leftMs(), (member, options) =>
      member.maintenance.status(options),
    );
    if (Number(dbSize) + spareBytes <= this.#quotaBytes) return;
    throw new LedgerAtLimitError(
      this.#members.name,
      this.#quotaBytes,
      'Compact and defragment etcd, or raise its quota and tell Stillpoint of it.',
    );
  }

  #result({ succeeded, header, responses }: ITxnResponse): TransactionResult {
    const revision = Number(header.revision);
    if (succeeded) return { ok: true, revision };
    const found = responses.map(({ response_range: { kvs } }) =>
      kvs[0] === undefined ? undefined : this.#form.entry(kvs[0]),
    );
    return { ok: false, revision, found };
  }

  /** Gives the work its deadline and bounds how much of it waits at a time. */
  async #within<T>(call: LedgerCall = {}, work: (leftMs: TimeLeft) => Promise<T>): Promise<T> {
    if (this.#callsWaiting >= ledgerLimits.callsWaitingMax) {
      throw new LedgerUnavailableError(
        `${this.#members.name}: ${ledgerLimits.callsWaitingMax} calls are waiting for it already`,
        { remedy: 'Try again when some are answered: nothing has been sent.', retryable: true },
      );
    }
    const deadline = performance.now() + (call.deadlineMs ?? ledgerLimits.callDeadlineMs);
    this.#callsWaiting += 1;
    try {
      return await work(() => deadline - performance.now());
    } finally {
      this.#callsWaiting -= 1;
    }
  }
}
