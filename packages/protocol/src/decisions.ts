// What the ledger keeps of leaders, epochs and incarnations, as transactions in data. Every write that must
// not be done by a past leader, or twice, says so in its compares; the ledger decides.
import type { Epoch, Fence, GangId, Incarnation } from './ids.ts';
import {
  absent,
  equals,
  type LedgerCompare,
  ledgerKeys,
  type LedgerTransaction,
  type LedgerValue,
  present,
} from './ledger-keys.ts';
import { decisionWords, keyOf, noneYet, outcomeWords, stands } from './ledger-words.ts';
import type { Decision } from './messages.ts';
import type { RestoreOutcome } from './restore-messages.ts';
import { invariant } from './step.ts';

/** A number that may not be there yet. */
const stillIs = (key: string, value: number | null): LedgerCompare =>
  value === null ? absent(key) : equals(key, value);
const isLeader = (fence: Fence): LedgerCompare => equals(ledgerKeys.fence, fence);

/** Becomes the leader with the next fence; everything of the past one is refused from then on. */
export const takeFence = (past: Fence | null): LedgerTransaction => ({
  compare: [stillIs(ledgerKeys.fence, past)],
  put: [{ key: ledgerKeys.fence, value: (past ?? 0) + 1 }],
});

export interface OpenEpoch {
  readonly gang: GangId;
  readonly fence: Fence;
  /** The incarnation whose members are cut; it must be the gang's latest. */
  readonly incarnation: Incarnation;
  readonly epoch: Epoch;
  /** The mark as it was read; the new epoch is above it. */
  readonly mark: Epoch | null;
  /** What a successor needs to finish it. */
  readonly record: LedgerValue;
}

/** Opens an epoch: one at a time for a gang, each with a number of its own. */
export function openEpoch({ gang, fence, incarnation, epoch, mark, record }: OpenEpoch): LedgerTransaction {
  invariant(epoch > (mark ?? 0), 'epochs only grow');
  return {
    compare: [
      isLeader(fence),
      equals(ledgerKeys.incarnation(gang), incarnation),
      absent(ledgerKeys.openEpoch(gang)),
      stillIs(ledgerKeys.epochMark(gang), mark),
    ],
    put: [
      { key: ledgerKeys.openEpoch(gang), value: epoch },
      { key: ledgerKeys.epochMark(gang), value: epoch },
      { key: ledgerKeys.epoch(gang, epoch), value: record },
    ],
  };
}

export interface WriteDecision {
  readonly gang: GangId;
  readonly epoch: Epoch;
  readonly decision: Decision;
  readonly reason: string;
  /** The leader's fence; only an `abort` may be written without one, by anyone who must give up. */
  readonly fence: Fence | null;
}

/** Decides the gang's open epoch, create-once. When it is refused, what stands in the ledger is the decision. */
export function writeDecision({ gang, epoch, decision, reason, fence }: WriteDecision): LedgerTransaction {
  invariant(decision === 'abort' || fence !== null, 'only the leader commits');
  const words = decisionWords(gang, epoch);
  return {
    compare: [
      ...(fence === null ? [] : [isLeader(fence)]),
      equals(ledgerKeys.openEpoch(gang), epoch),
      ...noneYet(words),
    ],
    put: [{ key: keyOf(words, decision), value: reason }],
  };
}

export interface CloseEpoch {
  readonly gang: GangId;
  readonly fence: Fence;
  readonly epoch: Epoch;
  /** The decision that stands. */
  readonly decision: Decision;
  /** Result, failure and figures: what `stillpoint epochs` shows. */
  readonly record: LedgerValue;
}

/** Closes a decided epoch. Its decision stays, and its number is never used again. */
export const closeEpoch = ({ gang, fence, epoch, decision, record }: CloseEpoch): LedgerTransaction => ({
  compare: [
    isLeader(fence),
    equals(ledgerKeys.openEpoch(gang), epoch),
    ...stands(decisionWords(gang, epoch), decision),
  ],
  put: [{ key: ledgerKeys.closed(gang, epoch), value: record }],
  remove: [ledgerKeys.openEpoch(gang)],
});

/** Why no member of the incarnation before can run any more. */
export type Predecessor =
  /** There was none. */
  | { readonly kind: 'None' }
  /** It was abandoned: none of it was ever lifted. */
  | { readonly kind: 'Abandoned'; readonly incarnation: Incarnation }
  /** Every member of it is proved dead. */
  | { readonly kind: 'Ended'; readonly incarnation: Incarnation };

export interface OpenIncarnation {
  readonly gang: GangId;
  readonly fence: Fence;
  readonly incarnation: Incarnation;
  readonly predecessor: Predecessor;
  /** The gang's open epoch as it was read, and its decision: an undecided one is aborted. */
  readonly openEpoch: { readonly epoch: Epoch; readonly decision: Decision | undefined } | null;
  /** What a successor needs to finish the attempt. */
  readonly record: LedgerValue;
}

/**
 * Opens an incarnation: decides the gang's open epoch, and fences the incarnation before, which must be abandoned
 * or ended. At most one incarnation of a gang can ever be lifted.
 */
export function openIncarnation(input: OpenIncarnation): LedgerTransaction {
  const { gang, fence, incarnation, predecessor, openEpoch: open, record } = input;
  const past = predecessor.kind === 'None' ? null : predecessor.incarnation;
  invariant(incarnation > (past ?? 0), 'incarnations only grow');
  const abort =
    open === null || open.decision !== undefined
      ? null
      : writeDecision({ gang, epoch: open.epoch, decision: 'abort', reason: 'the gang is restored', fence });
  return {
    compare: [
      ...(abort?.compare ?? [isLeader(fence), ...compareOpenEpoch(gang, open)]),
      stillIs(ledgerKeys.incarnation(gang), past),
      ...comparePredecessor(gang, predecessor),
    ],
    put: [
      ...(abort?.put ?? []),
      { key: ledgerKeys.incarnation(gang), value: incarnation },
      { key: ledgerKeys.opened(gang, incarnation), value: record },
    ],
  };
}

function compareOpenEpoch(gang: GangId, open: OpenIncarnation['openEpoch']): LedgerCompare[] {
  if (open === null) return [absent(ledgerKeys.openEpoch(gang))];
  const { epoch, decision } = open;
  const decided = decision === undefined ? [] : stands(decisionWords(gang, epoch), decision);
  return [equals(ledgerKeys.openEpoch(gang), epoch), ...decided];
}

function comparePredecessor(gang: GangId, predecessor: Predecessor): LedgerCompare[] {
  switch (predecessor.kind) {
    case 'None':
      return [];
    case 'Abandoned':
      return stands(outcomeWords(gang, predecessor.incarnation), 'abandon');
    case 'Ended':
      return [present(ledgerKeys.ended(gang, predecessor.incarnation))];
  }
}

export interface WriteOutcome {
  readonly gang: GangId;
  readonly incarnation: Incarnation;
  readonly outcome: RestoreOutcome;
  readonly reason: string;
  /** The leader's fence; only an `abandon` may be written without one, by anyone who must give up. */
  readonly fence: Fence | null;
}

/** Decides a restore attempt, create-once. When it is refused, what stands in the ledger is the outcome. */
export function writeOutcome(input: WriteOutcome): LedgerTransaction {
  const { gang, incarnation, outcome, reason, fence } = input;
  invariant(outcome === 'abandon' || fence !== null, 'only the leader lets an incarnation go');
  const words = outcomeWords(gang, incarnation);
  return {
    compare: [
      ...(fence === null ? [] : [isLeader(fence)]),
      equals(ledgerKeys.incarnation(gang), incarnation),
      ...noneYet(words),
    ],
    put: [{ key: keyOf(words, outcome), value: reason }],
  };
}

/** Writes down, create-once, that every member of an incarnation is dead, and by whose word. */
export const writeEnded = (
  gang: GangId,
  fence: Fence,
  incarnation: Incarnation,
  proof: LedgerValue,
): LedgerTransaction => ({
  compare: [
    isLeader(fence),
    present(ledgerKeys.go(gang, incarnation)),
    absent(ledgerKeys.ended(gang, incarnation)),
  ],
  put: [{ key: ledgerKeys.ended(gang, incarnation), value: proof }],
});
