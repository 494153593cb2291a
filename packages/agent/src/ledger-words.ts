// The ledger's words on epochs and attempts, as an agent asks for them: it may read, and give up; never let go.
import type { Ledger, Transaction } from '@stillpoint/ledger';
import {
  type Decision,
  type EpochHeader,
  ledgerKeys,
  type RestoreHeader,
  type RestoreOutcome,
  writeDecision,
  writeOutcome,
} from '@stillpoint/protocol';

/** The ledger's word on an epoch, as an agent may ask for it. */
export interface Decisions {
  read(header: EpochHeader): Promise<Decision | 'none' | 'unavailable'>;
  /** Writes `abort` unless the epoch is decided. @returns what stands in the ledger then */
  tryAbort(header: EpochHeader, reason: string): Promise<Decision | 'none' | 'unavailable'>;
}

/** The ledger's word on a restore attempt, as an agent may ask for it. */
export interface Outcomes {
  read(header: RestoreHeader): Promise<RestoreOutcome | 'none' | 'unavailable'>;
  /** Writes `abandon` unless the attempt has its outcome. @returns what stands in the ledger then */
  tryAbandon(header: RestoreHeader, reason: string): Promise<RestoreOutcome | 'none' | 'unavailable'>;
}

export function ledgerDecisions(ledger: Ledger): Decisions {
  const read = (key: string): Promise<Decision | 'none' | 'unavailable'> =>
    ask(ledger, key, (value) => (value === 'commit' || value === 'abort' ? value : undefined));
  return {
    read: ({ gang, epoch }) => read(ledgerKeys.decision(gang, epoch)),
    async tryAbort({ gang, epoch }, reason) {
      await attempt(ledger, writeDecision({ gang, epoch, decision: 'abort', reason, fence: null }));
      return read(ledgerKeys.decision(gang, epoch));
    },
  };
}

export function ledgerOutcomes(ledger: Ledger): Outcomes {
  const read = (key: string): Promise<RestoreOutcome | 'none' | 'unavailable'> =>
    ask(ledger, key, (value) => (value === 'go' || value === 'abandon' ? value : undefined));
  return {
    read: ({ gang, incarnation }) => read(ledgerKeys.outcome(gang, incarnation)),
    async tryAbandon({ gang, incarnation }, reason) {
      await attempt(ledger, writeOutcome({ gang, incarnation, outcome: 'abandon', reason, fence: null }));
      return read(ledgerKeys.outcome(gang, incarnation));
    },
  };
}

/** Reads a word; a value that is none, and a ledger that does not answer, are as good as silence. */
async function ask<Word>(
  ledger: Ledger,
  key: string,
  parse: (value: unknown) => Word | undefined,
): Promise<Word | 'none' | 'unavailable'> {
  try {
    const entry = await ledger.get(key);
    return entry === undefined ? 'none' : (parse(entry.value) ?? 'unavailable');
  } catch {
    return 'unavailable';
  }
}

/** Whether it took effect is read afterwards. */
async function attempt(ledger: Ledger, transaction: Transaction): Promise<void> {
  await ledger.transact(transaction).catch(() => undefined);
}
