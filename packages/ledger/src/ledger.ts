// The ledger port: keys with JSON values, and transactions that compare and write as one. Modelled on
// etcd's transactions, so that etcd can stand behind it. It knows nothing of gangs or epochs.

/** A value as JSON has it. Two values are equal when they mean the same JSON, whatever the order of keys. */
export type JsonValue =
  string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** A key's current value. Revisions count the transactions that changed the ledger, from 1, and only grow. */
export interface Entry {
  readonly key: string;
  readonly value: JsonValue;
  /** The revision that created the key (again, if it was removed before). */
  readonly createRevision: number;
  /** The revision that wrote the value. */
  readonly modRevision: number;
}

/** What a compare asks of a key. */
export type Condition =
  'absent' | 'present' | { readonly equals: JsonValue } | { readonly modRevision: number };

export interface Compare {
  readonly key: string;
  readonly is: Condition;
}

export interface Put {
  readonly key: string;
  readonly value: JsonValue;
}

/** Takes effect as a whole if every compare holds, and not at all otherwise. A key is written at most once. */
export interface Transaction {
  readonly compare: readonly Compare[];
  readonly put: readonly Put[];
  readonly remove?: readonly string[];
}

export type TransactionResult =
  | { readonly ok: true; readonly revision: number }
  | {
      readonly ok: false;
      readonly revision: number;
      /** What each compare's key held at that moment, in the order of the compares. */
      readonly found: readonly (Entry | undefined)[];
    };

/** The entries under a prefix, sorted by key, all as of one revision. */
export interface Listing {
  readonly revision: number;
  readonly entries: readonly Entry[];
}

export type LedgerEvent =
  | { readonly kind: 'put'; readonly entry: Entry }
  | { readonly kind: 'removed'; readonly key: string; readonly revision: number }
  /** The watch has ended: no event will follow. */
  | { readonly kind: 'failed'; readonly error: Error };

export interface LedgerCall {
  /** How long the call may take; `ledgerLimits.callDeadlineMs` unless given. */
  readonly deadlineMs?: number;
  /** A transaction that would leave less room below the ledger's limit than this is refused with `SP_LEDGER_AT_LIMIT`. */
  readonly spareBytes?: number;
}

/**
 * The durable record of epochs and decisions. What a call answers is durable and current: it reflects every
 * transaction that was acknowledged to anyone before the call was made.
 *
 * Every call throws `SP_LEDGER_UNAVAILABLE` (also after its deadline), `SP_LEDGER_CORRUPT` or
 * `SP_LEDGER_INVALID`, on etcd `SP_LEDGER_FORBIDDEN` and `SP_LEDGER_FOREIGN_VALUE`; `transact` also `SP_LEDGER_FULL`
 * and `SP_LEDGER_AT_LIMIT`. After `SP_LEDGER_UNAVAILABLE` a transaction may have taken effect, or do so later (it may be
 * on its way): read the key before deciding anything, and have every write compare what it relies on, so that one
 * which arrives late is refused.
 */
export interface Ledger {
  transact(transaction: Transaction, call?: LedgerCall): Promise<TransactionResult>;
  get(key: string, call?: LedgerCall): Promise<Entry | undefined>;
  list(prefix: string, call?: LedgerCall): Promise<Listing>;
  /**
   * Calls back for every change under the prefix made after this call has been answered, in the order of
   * revisions. Watch first and list afterwards to miss nothing. The callback must not throw. It goes on when the
   * store was away; where it can not (what it has missed is gone), it ends with `failed`: watch and list again.
   *
   * @returns a function that ends the watch: no event comes after it was called.
   */
  watch(prefix: string, callback: (event: LedgerEvent) => void, call?: LedgerCall): Promise<() => void>;
  /** Ends all watches and lets go of the store. Calls still waiting end with `SP_LEDGER_UNAVAILABLE`. */
  close(): Promise<void>;
}

export interface CreateOnceResult {
  /** Whether this call created the key. */
  readonly created: boolean;
  /** The key's entry, whoever created it. */
  readonly entry: Entry;
}

/** Creates a key unless it exists: how a decision is written. The first one wins and everybody learns its value. */
export async function createOnce(
  ledger: Ledger,
  key: string,
  value: JsonValue,
  call?: LedgerCall,
): Promise<CreateOnceResult> {
  const result = await ledger.transact({ compare: [{ key, is: 'absent' }], put: [{ key, value }] }, call);
  if (result.ok) {
    const { revision } = result;
    return { created: true, entry: { key, value, createRevision: revision, modRevision: revision } };
  }
  const [entry] = result.found;
  if (entry === undefined) throw new Error(`ledger: ${key} was neither created nor found`);
  return { created: false, entry };
}
