// The ledger in a file that several processes share without a lock. Each transaction is one appended record that
// carries its compares; every reader evaluates them at the record's place in the log, so all agree on what took
// effect. For a local file system: NFS does not keep concurrent appends apart.
import { randomUUID } from 'node:crypto';
import { LedgerInvalidError, LedgerUnavailableError } from './errors.ts';
import { firstPayload, LogFollower } from './follower.ts';
import type {
  Entry,
  Ledger,
  LedgerCall,
  LedgerEvent,
  Listing,
  Transaction,
  TransactionResult,
} from './ledger.ts';
import { ledgerLimits } from './limits.ts';
import { LogFile } from './log-file.ts';
import { encodeRecord } from './record.ts';
import { checkKey, checkPrefix, recordTransaction, type RecordedTransaction } from './transaction.ts';
import { Watches } from './watches.ts';

export interface FileLedgerOptions {
  /** How long reading the whole ledger may take; `ledgerLimits.openDeadlineMs` unless given. */
  readonly openDeadlineMs?: number;
}

/**
 * Opens the ledger in `<folder>/ledger.log`, made if there is none. Any number of processes may have it open.
 * After an I/O error other than a full disk the ledger must be opened anew.
 *
 * @throws `SP_LEDGER_CORRUPT`, `SP_LEDGER_NEWER_VERSION`, `SP_LEDGER_UNAVAILABLE`, `SP_LEDGER_FULL`.
 */
export async function openFileLedger(folder: string, options: FileLedgerOptions = {}): Promise<Ledger> {
  const ledger = new FileLedger(await LogFile.open(folder, firstPayload));
  try {
    await ledger.read(
      'open',
      { deadlineMs: options.openDeadlineMs ?? ledgerLimits.openDeadlineMs },
      () => {},
    );
    return ledger;
  } catch (error) {
    await ledger.close();
    throw error;
  }
}

type Work =
  | { readonly kind: 'read'; readonly answer: () => void }
  | {
      readonly kind: 'append';
      readonly recorded: RecordedTransaction;
      readonly bytes: Uint8Array;
      readonly spareBytes: number;
      readonly answer: (result: TransactionResult) => void;
    };

interface Call {
  readonly work: Work;
  readonly fail: (error: unknown) => void;
  /** Answered, failed, or past its deadline: nothing more is done for it. */
  over: boolean;
}

class FileLedger implements Ledger {
  readonly #log: LogFile;
  readonly #follower: LogFollower;
  readonly #watches: Watches;

  #waiting: Call[] = [];
  #lookAgain = false;
  #running = false;
  #rounds: Promise<void> = Promise.resolve();
  /** Why this ledger answers nothing any more. */
  #failure: Error | undefined;

  constructor(log: LogFile) {
    this.#log = log;
    this.#follower = new LogFollower(log);
    this.#watches = new Watches(log.path, () => this.#wake());
  }

  async transact(transaction: Transaction, call?: LedgerCall): Promise<TransactionResult> {
    const { state } = this.#follower;
    const recorded = recordTransaction(randomUUID(), transaction);
    const { compare, put, remove } = recorded;
    if (put.length + remove.length === 0) {
      return await this.read('read', call, () => {
        return state.refusal(compare) ?? { ok: true, revision: state.revision };
      });
    }
    const payload = JSON.stringify(recorded);
    if (Buffer.byteLength(payload) > ledgerLimits.transactionBytesMax) {
      throw new LedgerInvalidError(`a transaction over ${ledgerLimits.transactionBytesMax} bytes`);
    }
    const { spareBytes = 0 } = call ?? {};
    const work = { kind: 'append', recorded, bytes: encodeRecord(payload), spareBytes } as const;
    return await this.#enqueue('transact', call, (answer) => ({ ...work, answer }));
  }

  async get(key: string, call?: LedgerCall): Promise<Entry | undefined> {
    checkKey(key);
    return await this.read('get', call, () => this.#follower.state.get(key));
  }

  async list(prefix: string, call?: LedgerCall): Promise<Listing> {
    checkPrefix(prefix);
    return await this.read('list', call, () => this.#follower.state.list(prefix));
  }

  async watch(
    prefix: string,
    callback: (event: LedgerEvent) => void,
    call?: LedgerCall,
  ): Promise<() => void> {
    checkPrefix(prefix);
    return await this.read('watch', call, () => this.#watches.add(prefix, callback));
  }

  async close(): Promise<void> {
    this.#watches.end();
    this.#end(
      new LedgerUnavailableError(`the ledger ${this.#log.path} was closed`, {
        remedy: 'Open it again.',
        retryable: false,
      }),
    );
    // A disk that hangs must not hang its user: then the file is let go of when the process ends.
    if (await within(this.#rounds, ledgerLimits.callDeadlineMs)) await this.#log.close();
  }

  /** Answers from a state that is current and durable. */
  async read<T>(what: string, call: LedgerCall | undefined, answerWith: () => T): Promise<T> {
    return await this.#enqueue<T>(what, call, (answer) => ({
      kind: 'read',
      answer: () => answer(answerWith()),
    }));
  }

  async #enqueue<T>(
    what: string,
    { deadlineMs = ledgerLimits.callDeadlineMs }: LedgerCall = {},
    workWith: (answer: (value: T) => void) => Work,
  ): Promise<T> {
    const lateness = (): Error => this.#unavailable(`no answer to '${what}' within ${deadlineMs} ms`);
    if (this.#failure !== undefined) throw this.#failure;
    if (deadlineMs <= 0) throw lateness();
    if (this.#waiting.length >= ledgerLimits.callsWaitingMax) {
      throw this.#unavailable(`${ledgerLimits.callsWaitingMax} calls are waiting for it already`);
    }
    return await new Promise<T>((resolve, reject) => {
      const settle = (end: () => void): void => {
        if (call.over) return;
        call.over = true;
        clearTimeout(timer);
        end();
      };
      const fail = (error: unknown): void => settle(() => reject(error));
      const timer = setTimeout(() => fail(lateness()), deadlineMs);
      const call: Call = { work: workWith((value) => settle(() => resolve(value))), fail, over: false };
      this.#waiting.push(call);
      this.#wake();
    });
  }

  #wake(): void {
    this.#lookAgain = true;
    if (this.#running || this.#failure !== undefined) return;
    this.#running = true;
    this.#rounds = this.#runRounds();
  }

  /** Never rejects: what goes wrong ends the ledger, and every call learns it. */
  async #runRounds(): Promise<void> {
    while (this.#lookAgain && this.#failure === undefined) {
      this.#lookAgain = false;
      const calls = this.#waiting;
      this.#waiting = [];
      try {
        await this.#round(calls);
      } catch (error) {
        this.#end(error instanceof Error ? error : new Error(String(error)));
      }
      for (const call of calls) {
        if (!call.over) call.fail(this.#failure ?? new Error('ledger: a call was left unanswered'));
      }
    }
    this.#running = false;
  }

  /** Answers all calls, with one sync for all they wrote. */
  async #round(calls: readonly Call[]): Promise<void> {
    await this.#catchUp();
    const appended: Extract<Work, { kind: 'append' }>[] = [];
    for (const call of calls) {
      const { work } = call;
      if (call.over) continue;
      if (work.kind === 'read') {
        work.answer();
        continue;
      }
      const refusal = this.#follower.state.refusal(work.recorded.compare);
      if (refusal === undefined) {
        const append = this.#follower.append(work.recorded, work.bytes, work.spareBytes);
        await append.then(() => appended.push(work), call.fail);
      } else {
        work.answer(refusal);
      }
    }
    if (appended.length === 0) return;
    await this.#catchUp();
    for (const work of appended) work.answer(this.#follower.takeResult(work.recorded));
  }

  async #catchUp(): Promise<void> {
    for (const event of await this.#follower.catchUp()) this.#watches.tell(event);
  }

  /** The end of this ledger object: nothing is answered from a state that can't be trusted. */
  #end(failure: Error): void {
    this.#failure ??= failure;
    for (const call of this.#waiting) call.fail(failure);
    this.#waiting = [];
    this.#watches.tell({ kind: 'failed', error: failure });
    this.#watches.end();
  }

  #unavailable(reason: string): LedgerUnavailableError {
    return new LedgerUnavailableError(`the ledger ${this.#log.path}: ${reason}`, {
      remedy: 'Check its disk, then read the key again: a transaction may have taken effect.',
      retryable: true,
    });
  }
}

/** Whether it ended in time. */
async function within(work: Promise<void>, deadlineMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(() => resolve(false), deadlineMs);
  });
  try {
    return await Promise.race([work.then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
