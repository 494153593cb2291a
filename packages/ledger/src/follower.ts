// Follows the log: turns its records into state, and knows which of this process's own took effect.
import { z } from 'zod';
import { LedgerNewerVersionError } from './errors.ts';
import type { LedgerEvent, TransactionResult } from './ledger.ts';
import type { LogFile } from './log-file.ts';
import type { LedgerRecord } from './record.ts';
import { LedgerState } from './state.ts';
import { recordedTransactionSchema, type RecordedTransaction } from './transaction.ts';

const format = { format: 'stillpoint-ledger', version: 1 } as const;
const firstRecordSchema = z.object({ format: z.literal(format.format), version: z.int().positive() });

/** The payload that every ledger's first record has. */
export const firstPayload = JSON.stringify(format);

export class LogFollower {
  readonly state = new LedgerState();
  readonly #log: LogFile;
  #firstRecordSeen = false;
  /** Results of this process's own records, by id, until they are asked for. */
  readonly #ownResults = new Map<string, TransactionResult | undefined>();
  /** Events that were read but are not known to be durable yet. */
  #events: LedgerEvent[] = [];

  constructor(log: LogFile) {
    this.#log = log;
  }

  /**
   * Reads to the end of the log and makes that durable. Nobody may be told of what is in `state` before.
   *
   * @returns what changed since the last call.
   * @throws `SP_LEDGER_CORRUPT`, `SP_LEDGER_NEWER_VERSION`, `SP_LEDGER_UNAVAILABLE`: `state` is of no use then.
   */
  async catchUp(): Promise<readonly LedgerEvent[]> {
    await this.#log.readForward((record) => this.#take(record));
    if (!this.#firstRecordSeen) throw this.#log.corrupt(0, 'its first record is missing');
    await this.#log.sync();
    const events = this.#events;
    this.#events = [];
    return events;
  }

  /** Appends a transaction. What came of it is known after the next `catchUp`. */
  async append({ id }: RecordedTransaction, bytes: Uint8Array, spareBytes: number): Promise<void> {
    this.#ownResults.set(id, undefined);
    try {
      await this.#log.append(bytes, spareBytes);
    } catch (error) {
      this.#ownResults.delete(id);
      throw error;
    }
  }

  /** What came of a transaction that was appended; asked for once. */
  takeResult({ id }: RecordedTransaction): TransactionResult {
    const result = this.#ownResults.get(id);
    this.#ownResults.delete(id);
    if (result === undefined) throw new Error(`the ledger ${this.#log.path} lost a record just appended`);
    return result;
  }

  #take({ payload, offset }: LedgerRecord): void {
    const content = parseJson(payload);
    if (!this.#firstRecordSeen) {
      const first = firstRecordSchema.safeParse(content);
      if (!first.success) throw this.#log.corrupt(offset, 'it does not begin like a ledger');
      const { version } = first.data;
      if (version > format.version)
        throw new LedgerNewerVersionError(this.#log.path, version, format.version);
      this.#firstRecordSeen = true;
      return;
    }
    const recorded = recordedTransactionSchema.safeParse(content);
    if (!recorded.success) throw this.#log.corrupt(offset, 'a record is not a transaction');
    const { result, events } = this.state.apply(recorded.data);
    this.#events.push(...events);
    if (this.#ownResults.has(recorded.data.id)) this.#ownResults.set(recorded.data.id, result);
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
