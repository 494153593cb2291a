// The ledger's words on epochs and attempts, as an agent asks for them: it may read, and give up; never let go.
import type { Ledger, Transaction } from '@stillpoint/ledger';
import {
  askDecision,
  askOutcome,
  type Decision,
  type EpochHeader,
  type LedgerQuestion,
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
  return {
    read: ({ gang, epoch }) => ask(ledger, askDecision(gang, epoch)),
    async tryAbort({ gang, epoch }, reason) {
      await attempt(ledger, writeDecision({ gang, epoch, decision: 'abort', reason, fence: null }));
      return ask(ledger, askDecision(gang, epoch));
    },
  };
}

export function ledgerOutcomes(ledger: Ledger): Outcomes {
  return {
    read: ({ gang, incarnation }) => ask(ledger, askOutcome(gang, incarnation)),
    async tryAbandon({ gang, incarnation }, reason) {
      await attempt(ledger, writeOutcome({ gang, incarnation, outcome: 'abandon', reason, fence: null }));
      return ask(ledger, askOutcome(gang, incarnation));
    },
  };
}

/** Reads a word; a ledger that does not answer is as good as silence. */
async function ask<Word>(
  ledger: Ledger,
  { transaction, answer }: LedgerQuestion<Word>,
): Promise<Word | 'none' | 'unavailable'> {
  try {
    const result = await ledger.transact(transaction);
    return answer(result.ok ? undefined : result.found) ?? 'none';
  } catch {
    return 'unavailable';
  }
}

/** Whether it took effect is read afterwards. */
async function attempt(ledger: Ledger, transaction: Transaction): Promise<void> {
  await ledger.transact(transaction).catch(() => undefined);
}
