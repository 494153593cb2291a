// The ledger's transactions, run on a ledger as simple as can be.
import { beforeEach, describe, expect, test } from 'vitest';
import {
  closeEpoch,
  openEpoch,
  openIncarnation,
  takeFence,
  writeDecision,
  writeEnded,
  writeOutcome,
} from './decisions.ts';
import { epochNumber, fenceNumber, gangId, incarnationNumber } from './ids.ts';
import { ledgerKeys, type LedgerTransaction, type LedgerValue } from './ledger-keys.ts';
import { askDecision, askOutcome, type LedgerQuestion } from './ledger-words.ts';

const gang = gangId('mnist');
const fence = fenceNumber(1);
const epoch = epochNumber(1);
const incarnation = incarnationNumber(1);
const second = incarnationNumber(2);

let store: Map<string, LedgerValue>;

function holds({ compare }: LedgerTransaction): boolean {
  return compare.every(({ key, is }) => {
    if (is === 'absent') return !store.has(key);
    if (is === 'present') return store.has(key);
    return store.get(key) === is.equals;
  });
}

function transact(transaction: LedgerTransaction): boolean {
  if (!holds(transaction)) return false;
  for (const { key, value } of transaction.put) store.set(key, value);
  for (const key of transaction.remove ?? []) store.delete(key);
  return true;
}

const open = (number: number, mark: number | null, by = fence): boolean =>
  transact(
    openEpoch({
      gang,
      fence: by,
      incarnation,
      epoch: epochNumber(number),
      mark: mark === null ? null : epochNumber(mark),
      record: {},
    }),
  );
const decide = (decision: 'commit' | 'abort', by: number | null): boolean =>
  transact(writeDecision({ gang, epoch, decision, reason: '', fence: by === null ? null : fenceNumber(by) }));
const word = <Word>({ transaction, answer }: LedgerQuestion<Word>): Word | undefined =>
  answer(holds(transaction) ? undefined : transaction.compare.map(({ key }) => store.get(key)));
const close = (decision: 'commit' | 'abort' = 'abort'): boolean =>
  transact(closeEpoch({ gang, fence, epoch, decision, record: {} }));

beforeEach(() => {
  store = new Map();
  transact(takeFence(null));
  transact(
    openIncarnation({
      gang,
      fence,
      incarnation,
      predecessor: { kind: 'None' },
      openEpoch: null,
      record: {},
    }),
  );
  transact(writeOutcome({ gang, incarnation, outcome: 'go', reason: '', fence }));
});

test('a gang starts with a leader and an incarnation that goes', () => {
  expect(store.get(ledgerKeys.fence)).toBe(1);
  expect(store.get(ledgerKeys.incarnation(gang))).toBe(1);
  expect(word(askOutcome(gang, incarnation))).toBe('go');
});

describe('an epoch', () => {
  test('is opened once, and one at a time', () => {
    expect(open(1, null)).toBe(true);
    expect(open(1, null)).toBe(false);
    expect(open(2, 1)).toBe(false);
  });

  test('has one decision, and a closed epoch none', () => {
    expect(open(1, null)).toBe(true);
    expect(close()).toBe(false);
    expect(decide('abort', null)).toBe(true);
    expect(decide('commit', 1)).toBe(false);
    expect(word(askDecision(gang, epoch))).toBe('abort');
    expect(close()).toBe(true);
    expect(close()).toBe(false);
    store.delete(ledgerKeys.abort(gang, epoch));
    expect(decide('commit', 1)).toBe(false);
  });

  test('has a number that is never used again', () => {
    expect(open(1, null)).toBe(true);
    expect(decide('commit', 1)).toBe(true);
    expect(close('abort')).toBe(false);
    expect(close('commit')).toBe(true);
    expect(open(1, null)).toBe(false);
    expect(() => open(1, 1)).toThrow('epochs only grow');
    expect(open(2, 1)).toBe(true);
  });

  test('is not opened, committed or closed by a past leader', () => {
    expect(open(1, null)).toBe(true);
    expect(transact(takeFence(fence))).toBe(true);
    expect(transact(takeFence(fence))).toBe(false);
    expect(decide('commit', 1)).toBe(false);
    expect(decide('commit', 2)).toBe(true);
    expect(close()).toBe(false);
  });

  test('is committed by leaders only', () => {
    expect(() => decide('commit', null)).toThrow('only the leader commits');
  });

  test('stays committed, whatever is written where everybody may write', () => {
    expect(open(1, null)).toBe(true);
    expect(decide('commit', 1)).toBe(true);
    expect(decide('abort', null)).toBe(false);
    store.set(ledgerKeys.abort(gang, epoch), 'without asking');
    expect(word(askDecision(gang, epoch))).toBe('commit');
    expect(close('abort')).toBe(false);
    expect(close('commit')).toBe(true);
  });

  test('is not asked for in vain: no word is none', () => {
    expect(open(1, null)).toBe(true);
    expect(word(askDecision(gang, epoch))).toBeUndefined();
    expect(word(askDecision(gang, epochNumber(2)))).toBeUndefined();
  });
});

describe('an incarnation', () => {
  const reopen = (
    predecessor: 'Abandoned' | 'Ended',
    openOne: { epoch: typeof epoch; decision: 'commit' | 'abort' | undefined } | null = null,
  ): boolean =>
    transact(
      openIncarnation({
        gang,
        fence,
        incarnation: second,
        predecessor: { kind: predecessor, incarnation },
        openEpoch: openOne,
        record: {},
      }),
    );
  const end = (): boolean => transact(writeEnded(gang, fence, incarnation, { by: 'agents' }));

  test('waits for the end of the one before', () => {
    expect(reopen('Ended')).toBe(false);
    expect(reopen('Abandoned')).toBe(false);
    expect(end()).toBe(true);
    expect(end()).toBe(false);
    expect(reopen('Abandoned')).toBe(false);
    expect(reopen('Ended')).toBe(true);
    expect(reopen('Ended')).toBe(false);
  });

  test('decides the open epoch, and fences the incarnation before', () => {
    expect(open(1, null)).toBe(true);
    expect(end()).toBe(true);
    expect(reopen('Ended')).toBe(false);
    expect(reopen('Ended', { epoch, decision: 'abort' })).toBe(false);
    expect(reopen('Ended', { epoch, decision: undefined })).toBe(true);
    expect(word(askDecision(gang, epoch))).toBe('abort');
    expect(close()).toBe(true);
    expect(open(2, 1)).toBe(false);
  });

  test('leaves a decision as it is', () => {
    expect(open(1, null)).toBe(true);
    expect(decide('commit', 1)).toBe(true);
    expect(end()).toBe(true);
    expect(reopen('Ended', { epoch, decision: undefined })).toBe(false);
    expect(reopen('Ended', { epoch, decision: 'abort' })).toBe(false);
    expect(reopen('Ended', { epoch, decision: 'commit' })).toBe(true);
    expect(word(askDecision(gang, epoch))).toBe('commit');
  });

  test('that was let go is not abandoned by what is written where everybody may write', () => {
    store.set(ledgerKeys.abandon(gang, incarnation), 'without asking');
    expect(word(askOutcome(gang, incarnation))).toBe('go');
    expect(reopen('Abandoned')).toBe(false);
    expect(end()).toBe(true);
    expect(reopen('Ended')).toBe(true);
  });

  test('goes or is abandoned, once; anyone may abandon it', () => {
    expect(end()).toBe(true);
    expect(reopen('Ended')).toBe(true);
    const write = (outcome: 'go' | 'abandon', by: typeof fence | null): boolean =>
      transact(writeOutcome({ gang, incarnation: second, outcome, reason: '', fence: by }));
    expect(() => write('go', null)).toThrow('only the leader lets an incarnation go');
    expect(write('abandon', null)).toBe(true);
    expect(write('go', fence)).toBe(false);
    // What never went cannot end; it is abandoned.
    expect(transact(writeEnded(gang, fence, second, {}))).toBe(false);
  });

  test('has a number that only grows', () => {
    expect(() =>
      openIncarnation({
        gang,
        fence,
        incarnation,
        predecessor: { kind: 'Ended', incarnation },
        openEpoch: null,
        record: {},
      }),
    ).toThrow('incarnations only grow');
  });
});
