// A gang's undo log in the ledger: which bytes were cut off which file when, oldest first.
import type { LeaderLedger } from './leader-ledger.ts';
import { type StoredUndo, undoRecordSchema } from './records.ts';
import { ownKeys } from './stored-gang.ts';

export class UndoLog {
  readonly #ledger: LeaderLedger;

  constructor(ledger: LeaderLedger) {
    this.#ledger = ledger;
  }

  async list(gang: string): Promise<StoredUndo[]> {
    return (await this.#entries(gang)).map(({ record }) => record);
  }

  async add(gang: string, record: StoredUndo): Promise<void> {
    const last = (await this.#entries(gang)).at(-1)?.key;
    const number = last === undefined ? 1 : Number(last.slice(ownKeys.undo(gang).length)) + 1;
    await this.#ledger.write('note a rolled-back file', [
      { key: ownKeys.undoRecord(gang, number), value: record },
    ]);
  }

  /** Forgets records that no epoch needs. @returns those that stay */
  async prune(gang: string, isNeeded: (record: StoredUndo) => boolean): Promise<StoredUndo[]> {
    const entries = await this.#entries(gang);
    const keys = entries.filter(({ record }) => !isNeeded(record)).map(({ key }) => key);
    await this.#ledger.removeAll('forget rolled-back files', keys);
    return entries.map(({ record }) => record).filter(isNeeded);
  }

  async #entries(gang: string): Promise<{ readonly key: string; readonly record: StoredUndo }[]> {
    const { entries } = await this.#ledger.list(ownKeys.undo(gang));
    return entries.map(({ key, value }) => ({ key, record: undoRecordSchema.parse(value) }));
  }
}
