// What the records of a ledger amount to. Pure: every reader that applies the same records in the same order
// has the same state, and so agrees on which transactions took effect.
import { isDeepStrictEqual } from 'node:util';
import type { Compare, Entry, LedgerEvent, Listing, TransactionResult } from './ledger.ts';
import type { RecordedTransaction } from './transaction.ts';

export interface Applied {
  readonly result: TransactionResult;
  readonly events: readonly LedgerEvent[];
}

export class LedgerState {
  readonly #entries = new Map<string, Entry>();
  #revision = 0;

  get revision(): number {
    return this.#revision;
  }

  get(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  list(prefix: string): Listing {
    const entries = [...this.#entries.values()].filter(({ key }) => key.startsWith(prefix));
    entries.sort((a, b) => (a.key < b.key ? -1 : 1));
    return { revision: this.#revision, entries };
  }

  /** The answer to a transaction whose compares do not hold now, or `undefined` if they do. */
  refusal(compare: readonly Compare[]): Extract<TransactionResult, { ok: false }> | undefined {
    const found = compare.map(({ key }) => this.#entries.get(key));
    const holds = compare.every((each, index) => conditionHolds(each, found[index]));
    return holds ? undefined : { ok: false, revision: this.#revision, found };
  }

  /** Evaluates the compares here, at this place in the order of records, and writes if they hold. */
  apply(transaction: RecordedTransaction): Applied {
    const refused = this.refusal(transaction.compare);
    if (refused !== undefined) return { result: refused, events: [] };

    const removed = transaction.remove.filter((key) => this.#entries.has(key));
    if (transaction.put.length + removed.length > 0) this.#revision += 1;
    const revision = this.#revision;
    const events: LedgerEvent[] = [];
    for (const { key, value } of transaction.put) {
      const createRevision = this.#entries.get(key)?.createRevision ?? revision;
      const entry: Entry = { key, value, createRevision, modRevision: revision };
      this.#entries.set(key, entry);
      events.push({ kind: 'put', entry });
    }
    for (const key of removed) {
      this.#entries.delete(key);
      events.push({ kind: 'removed', key, revision });
    }
    return { result: { ok: true, revision }, events };
  }
}

function conditionHolds({ is }: Compare, entry: Entry | undefined): boolean {
  if (is === 'absent') return entry === undefined;
  if (entry === undefined) return false;
  if (is === 'present') return true;
  return 'equals' in is ? isDeepStrictEqual(is.equals, entry.value) : is.modRevision === entry.modRevision;
}
