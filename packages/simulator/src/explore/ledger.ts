// A ledger in a state: the protocol's real transactions on a plain record. Pure.
import type { LedgerCompare, LedgerTransaction, LedgerValue } from '@stillpoint/protocol';
import { expects } from './violation.ts';

export type LedgerState = Readonly<Record<string, LedgerValue>>;

const holds = (ledger: LedgerState, { key, is }: LedgerCompare): boolean => {
  const value = ledger[key];
  if (is === 'absent') return value === undefined;
  if (is === 'present') return value !== undefined;
  return value === is.equals;
};

/** Words that are written once. */
const createOnce = /\/(?:commit|go|ended|closed)$|^given-up\//;
/** Numbers that only grow. */
const growing = /\/(?:fence|epoch-mark|incarnation)$/;

/** @returns the ledger after it, or undefined when it was refused @throws `Violation` when a word changes */
export function transact(ledger: LedgerState, transaction: LedgerTransaction): LedgerState | undefined {
  if (!transaction.compare.every((compare) => holds(ledger, compare))) return undefined;
  const next: Record<string, LedgerValue> = { ...ledger };
  for (const key of transaction.remove ?? []) delete next[key];
  for (const { key, value } of transaction.put) {
    const past = ledger[key];
    if (past !== undefined) {
      expects(
        !createOnce.test(key),
        `${key} is written once: it was ${JSON.stringify(past)}, then ${JSON.stringify(value)}`,
      );
      expects(
        !growing.test(key) || Number(value) > Number(past),
        `${key} only grows: it was ${JSON.stringify(past)}`,
      );
    }
    next[key] = value;
  }
  return next;
}
