// The ledger as its leader uses it: every write is refused once another coordinator has taken the lead.
import {
  type Entry,
  type JsonValue,
  type Ledger,
  LedgerAtLimitError,
  type LedgerCall,
  LedgerForbiddenError,
  LedgerFullError,
  type Listing,
  type Transaction,
  type TransactionResult,
} from '@stillpoint/ledger';
import {
  type Fence,
  fenceNumber,
  ledgerKeys,
  type LedgerQuestion,
  type LedgerTransaction,
  takeFence,
} from '@stillpoint/protocol';
import { LeaderLost, StoreUnexpected } from './errors.ts';
import { limits } from './limits.ts';

/** Values are written as the JSON that they are: what is undefined is left out. */
interface PlainTransaction extends Omit<LedgerTransaction, 'put'> {
  readonly put: readonly { readonly key: string; readonly value: unknown }[];
}

/**
 * The leader's turn: a number that every write of its compares. A write without an answer may take effect late, after
 * others that were made because it had not; before the next write its turn is over, and it is refused from then on.
 */
const turnKey = 'leader/turn';

export class LeaderLedger {
  readonly #ledger: Ledger;
  readonly #onLost: (error: LeaderLost) => void;
  readonly fence: Fence;
  #turn: number;
  /** There may be a write on its way that nobody waits for. */
  #isUncertain = false;
  #ending: Promise<void> | undefined;

  private constructor(ledger: Ledger, fence: Fence, turn: number, onLost: (error: LeaderLost) => void) {
    this.#ledger = ledger;
    this.#onLost = onLost;
    this.fence = fence;
    this.#turn = turn;
  }

  /** @param onLost called when it is seen that another leads */
  static async open(ledger: Ledger, onLost: (error: LeaderLost) => void): Promise<LeaderLedger> {
    for (let attempt = 1; attempt <= limits.fenceAttemptsMax; attempt += 1) {
      const entry = await ledger.get(ledgerKeys.fence);
      const past = entry === undefined ? null : fenceNumber(Number(entry.value));
      const result = await ledger.transact(takeFence(past));
      if (!result.ok) continue;
      // whoever led before can't change it any more
      const turn = Number((await ledger.get(turnKey))?.value ?? 0);
      return new LeaderLedger(ledger, fenceNumber((past ?? 0) + 1), turn, onLost);
    }
    throw new StoreUnexpected('become the leader', 'others become it all the time');
  }

  get(key: string): Promise<Entry | undefined> {
    return this.#ledger.get(key);
  }

  list(prefix: string): Promise<Listing> {
    return this.#ledger.list(prefix);
  }

  /** One prefix after the other: whatever an entry of the first relies on is in the second. */
  async listInTurn(first: string, second: string): Promise<Entry[]> {
    const { entries } = await this.#ledger.list(first);
    return [...entries, ...(await this.#ledger.list(second)).entries];
  }

  /** What must be there. */
  async require(key: string): Promise<Entry> {
    const entry = await this.#ledger.get(key);
    if (entry === undefined) throw new StoreUnexpected(`read ${key}`, 'it is not there');
    return entry;
  }

  /** The word that stands, if there is one. */
  async ask<Word>({ transaction, answer }: LedgerQuestion<Word>): Promise<Word | undefined> {
    const result = await this.#ledger.transact(transaction);
    return answer(result.ok ? undefined : result.found);
  }

  /** Writes a word, unless one stands. @returns the one that stands */
  async decide<Word>(
    word: Word,
    transaction: LedgerTransaction,
    question: LedgerQuestion<Word>,
  ): Promise<Word> {
    const result = await this.transact(transaction);
    return result.ok ? word : await this.requireWord(question);
  }

  /** The word that must stand. */
  async requireWord<Word>(question: LedgerQuestion<Word>): Promise<Word> {
    const word = await this.ask(question);
    if (word !== undefined) return word;
    const keys = question.transaction.compare.map(({ key }) => key).join(' or ');
    throw new StoreUnexpected(`read ${keys}`, 'it is not there');
  }

  /** A write that nothing but a lost leadership forbids. */
  async write(
    what: string,
    put: PlainTransaction['put'],
    remove: readonly string[] = [],
    call?: LedgerCall,
  ): Promise<void> {
    const result = await this.transact({ compare: [], put, remove }, call);
    if (!result.ok) throw new StoreUnexpected(what, 'the ledger refused it');
  }

  /** Removes any number of keys, some at a time. */
  async removeAll(what: string, keys: readonly string[]): Promise<void> {
    for (let from = 0; from < keys.length; from += limits.removalsPerTransaction)
      await this.write(what, [], keys.slice(from, from + limits.removalsPerTransaction));
  }

  /** @throws `SP_LEADER_LOST`, and what the ledger throws */
  async transact({ compare, put, remove }: PlainTransaction, call?: LedgerCall): Promise<TransactionResult> {
    const own = {
      compare: compare.filter(({ key }) => key !== ledgerKeys.fence),
      put: put.map(({ key, value }) => ({ key, value: JSON.parse(JSON.stringify(value)) as JsonValue })),
      ...(remove === undefined ? {} : { remove }),
    };
    for (;;) {
      while (this.#isUncertain)
        await (this.#ending ??= this.#endTurn().finally(() => (this.#ending = undefined)));
      const turn = this.#turn;
      const result = await this.#inTurn(own, call);
      // refused only because another write of ours has lost its answer: it had no effect
      if (result.ok || valueAt(result, 1) === turn) return result;
      this.#turn = Math.max(this.#turn, valueAt(result, 1));
    }
  }

  async #inTurn({ compare, put, remove }: Transaction, call?: LedgerCall): Promise<TransactionResult> {
    const isLeader = { key: ledgerKeys.fence, is: { equals: this.fence } } as const;
    const isTurn = { key: turnKey, is: this.#turn === 0 ? 'absent' : { equals: this.#turn } } as const;
    const transaction = {
      compare: [isLeader, isTurn, ...compare],
      put,
      ...(remove === undefined ? {} : { remove }),
    };
    const result = await this.#ledger.transact(transaction, call).catch((error: unknown) => {
      if (!isWithoutEffect(error)) this.#isUncertain = true;
      throw error;
    });
    if (result.ok || valueAt(result, 0) === this.fence) return result;
    const lost = new LeaderLost(this.fence);
    this.#onLost(lost);
    throw lost;
  }

  /** Ends the turn: what is on its way is refused from now on, or has taken effect. */
  async #endTurn(): Promise<void> {
    const turn = this.#turn;
    const result = await this.#inTurn({ compare: [], put: [{ key: turnKey, value: turn + 1 }] });
    this.#turn = result.ok ? turn + 1 : valueAt(result, 1);
    this.#isUncertain = false;
  }
}

/** The number that a refused transaction found at one of its compares; 0 where there was none. */
const valueAt = (result: Extract<TransactionResult, { ok: false }>, index: number): number =>
  Number(result.found[index]?.value ?? 0);

/** Errors of the ledger that say that it is as it was. */
export const isWithoutEffect = (error: unknown): boolean =>
  error instanceof LeaderLost ||
  error instanceof LedgerFullError ||
  error instanceof LedgerAtLimitError ||
  error instanceof LedgerForbiddenError;
