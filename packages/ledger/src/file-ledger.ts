// The ledger in a file that several processes share without a lock. Each transaction is one appended record that
// carries its compares; every reader evaluates them at the record's place in the log, so all agree on what took
// effect. For a local file system: NFS does not keep concurrent appends apart.
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { LedgerInvalidError, LedgerNewerVersionError, LedgerUnavailableError } from './errors.ts';
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
import { FileNotice } from './notice.ts';
import { encodeRecord, type LedgerRecord } from './record.ts';
import { LedgerState } from './state.ts';
import {
  checkKey,
  checkPrefix,
  recordedTransactionSchema,
  recordTransaction,
  type RecordedTransaction,
} from './transaction.ts';

const formatVersion = 1;
const firstRecordSchema = z.object({
  format: z.literal('stillpoint-ledger'),
  version: z.int().positive(),
});

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
  const log = await LogFile.open(
    folder,
    JSON.stringify({ format: 'stillpoint-ledger', version: formatVersion }),
  );
  const ledger = new FileLedger(log);
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
      readonly answer: (result: TransactionResult) => void;
    };

interface Call {
  readonly work: Work;
  readonly fail: (error: Error) => void;
  /** Answered, failed, or past its deadline: nothing more is done for it. */
  over: boolean;
}

interface Watch {
  readonly prefix: string;
  readonly callback: (event: LedgerEvent) => void;
}

class FileLedger implements Ledger {
  readonly #log: LogFile;
  readonly #state = new LedgerState();
  readonly #watches = new Set<Watch>();
  #notice: FileNotice | undefined;

  #waiting: Call[] = [];
  #lookAgain = false;
  #running = false;
  #run: Promise<void> = Promise.resolve();

  #firstRecordSeen = false;
  /** Results of this process's own records, by id, while their writers wait for them. */
  readonly #ownResults = new Map<string, TransactionResult | undefined>();
  /** Events that were read but are not known to be durable yet. */
  #events: LedgerEvent[] = [];
  /** Why this ledger answers nothing any more. */
  #failure: Error | undefined;

  constructor(log: LogFile) {
    this.#log = log;
  }

  async transact(transaction: Transaction, call?: LedgerCall): Promise<TransactionResult> {
    const recorded = recordTransaction(randomUUID(), transaction);
    const { compare, put, remove } = recorded;
    if (put.length + remove.length === 0) {
      return await this.read('read', call, () => {
        return this.#state.refusal(compare) ?? { ok: true, revision: this.#state.revision };
      });
    }
    const payload = JSON.stringify(recorded);
    if (Buffer.byteLength(payload) > ledgerLimits.transactionBytesMax) {
      throw new LedgerInvalidError(`a transaction over ${ledgerLimits.transactionBytesMax} bytes`);
    }
    const bytes = encodeRecord(payload);
    return await this.#enqueue('transact', call, (answer) => ({ kind: 'append', recorded, bytes, answer }));
  }

  async get(key: string, call?: LedgerCall): Promise<Entry | undefined> {
    checkKey(key);
    return await this.read('get', call, () => this.#state.get(key));
  }

  async list(prefix: string, call?: LedgerCall): Promise<Listing> {
    checkPrefix(prefix);
    return await this.read('list', call, () => this.#state.list(prefix));
  }

  async watch(
    prefix: string,
    callback: (event: LedgerEvent) => void,
    call?: LedgerCall,
  ): Promise<() => void> {
    checkPrefix(prefix);
    const watch: Watch = { prefix, callback };
    await this.read('watch', call, () => {
      this.#watches.add(watch);
      this.#notice ??= new FileNotice(this.#log.path, () => this.#wake());
    });
    return () => {
      this.#watches.delete(watch);
      if (this.#watches.size === 0) this.#stopNotice();
    };
  }

  async close(): Promise<void> {
    this.#watches.clear();
    this.#end(
      new LedgerUnavailableError(`the ledger ${this.#log.path} was closed`, {
        remedy: 'Open it again.',
        retryable: false,
      }),
    );
    // A disk that hangs must not hang its user: then the file is let go of when the process ends.
    const ended = await within(this.#run, ledgerLimits.callDeadlineMs);
    if (ended) await this.#log.close();
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
    if (this.#failure !== undefined) throw this.#failure;
    const lateness = (): Error => this.#unavailable(`no answer to '${what}' within ${deadlineMs} ms`);
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
      const fail = (error: Error): void => settle(() => reject(error));
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
    this.#run = this.#runRounds();
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
    const appended: { call: Call; work: Extract<Work, { kind: 'append' }> }[] = [];
    for (const call of calls) {
      const { work } = call;
      if (call.over) continue;
      if (work.kind === 'read') {
        work.answer();
        continue;
      }
      const refusal = this.#state.refusal(work.recorded.compare);
      if (refusal !== undefined) {
        work.answer(refusal);
        continue;
      }
      this.#ownResults.set(work.recorded.id, undefined);
      if (await this.#append(call, work.bytes)) appended.push({ call, work });
      else this.#ownResults.delete(work.recorded.id);
    }
    if (appended.length === 0) return;

    await this.#catchUp();
    for (const { work } of appended) {
      const result = this.#ownResults.get(work.recorded.id);
      this.#ownResults.delete(work.recorded.id);
      if (result === undefined) throw new Error(`the ledger ${this.#log.path} lost a record just appended`);
      work.answer(result);
    }
  }

  async #append(call: Call, bytes: Uint8Array): Promise<boolean> {
    try {
      await this.#log.append(bytes);
      return true;
    } catch (error) {
      call.fail(error instanceof Error ? error : new Error(String(error)));
      return false;
    }
  }

  /** Reads to the end of the log, makes that durable, and only then lets anyone know of it. */
  async #catchUp(): Promise<void> {
    await this.#log.readForward((record) => this.#take(record));
    if (!this.#firstRecordSeen) throw this.#log.corrupt(0, 'its first record is missing');
    await this.#log.sync();
    const events = this.#events;
    this.#events = [];
    for (const event of events) this.#tell(event);
  }

  #take({ payload, offset }: LedgerRecord): void {
    const content = parseJson(payload);
    if (!this.#firstRecordSeen) {
      const first = firstRecordSchema.safeParse(content);
      if (!first.success) throw this.#log.corrupt(offset, 'it does not begin like a ledger');
      if (first.data.version > formatVersion) {
        throw new LedgerNewerVersionError(this.#log.path, first.data.version, formatVersion);
      }
      this.#firstRecordSeen = true;
      return;
    }
    const recorded = recordedTransactionSchema.safeParse(content);
    if (!recorded.success) throw this.#log.corrupt(offset, 'a record is not a transaction');
    const { result, events } = this.#state.apply(recorded.data);
    this.#events.push(...events);
    if (this.#ownResults.has(recorded.data.id)) this.#ownResults.set(recorded.data.id, result);
  }

  #tell(event: LedgerEvent): void {
    for (const { prefix, callback } of this.#watches) {
      if (!concerns(event, prefix)) continue;
      try {
        callback(event);
      } catch (error) {
        // Not the ledger's failure, and not to be lost either.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  /** The end of this ledger object: nothing is answered from a state that can't be trusted. */
  #end(failure: Error): void {
    this.#failure ??= failure;
    this.#stopNotice();
    for (const call of this.#waiting) call.fail(failure);
    this.#waiting = [];
    this.#tell({ kind: 'failed', error: failure });
    this.#watches.clear();
  }

  #stopNotice(): void {
    this.#notice?.stop();
    this.#notice = undefined;
  }

  #unavailable(reason: string): LedgerUnavailableError {
    return new LedgerUnavailableError(`the ledger ${this.#log.path}: ${reason}`, {
      remedy: 'Check its disk, then read the key again: a transaction may have taken effect.',
      retryable: true,
    });
  }
}

function concerns(event: LedgerEvent, prefix: string): boolean {
  if (event.kind === 'failed') return true;
  const key = event.kind === 'put' ? event.entry.key : event.key;
  return key.startsWith(prefix);
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

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
