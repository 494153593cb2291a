// Where everything stands in the ledger, and what its transactions are made of, in data.
import type { Epoch, GangId, Incarnation } from './ids.ts';

/** A plain JSON value. */
export type LedgerValue =
  string | number | boolean | null | readonly LedgerValue[] | { readonly [key: string]: LedgerValue };

export interface LedgerCompare {
  readonly key: string;
  readonly is: 'absent' | 'present' | { readonly equals: LedgerValue };
}

/** All compares hold → all puts and removes are done at once; otherwise nothing is. */
export interface LedgerTransaction {
  readonly compare: readonly LedgerCompare[];
  readonly put: readonly { readonly key: string; readonly value: LedgerValue }[];
  readonly remove?: readonly string[];
}

/** Where everything stands. Values of keys that are compared by `equals` are bare strings and numbers. */
export const ledgerKeys = {
  /** The fence of the leader: a number that only grows. */
  fence: 'leader/fence',
  gang: (gang: GangId) => `gangs/${gang}/`,
  /** What anyone may write who must give up. Whoever may write nothing else can abort and never commit. */
  givenUp: (gang: GangId) => `given-up/${gang}/`,
  /** The highest epoch that was ever opened. Never removed: a number below it is never used again. */
  epochMark: (gang: GangId) => `gangs/${gang}/epoch-mark`,
  /** The number of the open epoch; absent when none is open. */
  openEpoch: (gang: GangId) => `gangs/${gang}/open-epoch`,
  /** What the epoch was opened with. */
  epoch: (gang: GangId, epoch: Epoch) => `gangs/${gang}/epochs/${epoch}/opened`,
  /** The epoch is committed; the value says why. Written by its leader alone, and only while it is not aborted. */
  commit: (gang: GangId, epoch: Epoch) => `gangs/${gang}/epochs/${epoch}/commit`,
  /** The epoch is aborted, unless it is committed; the value says why. */
  abort: (gang: GangId, epoch: Epoch) => `given-up/${gang}/epochs/${epoch}`,
  /** How the epoch ended: its result, failure and figures. */
  closed: (gang: GangId, epoch: Epoch) => `gangs/${gang}/epochs/${epoch}/closed`,
  /** The number of the gang's latest incarnation: a number that only grows. */
  incarnation: (gang: GangId) => `gangs/${gang}/incarnation`,
  /** What the incarnation was opened with. */
  opened: (gang: GangId, incarnation: Incarnation) => `gangs/${gang}/incarnations/${incarnation}/opened`,
  /** The incarnation is let go; the value says why. Written by the leader alone, and only while it is not abandoned. */
  go: (gang: GangId, incarnation: Incarnation) => `gangs/${gang}/incarnations/${incarnation}/go`,
  /** The incarnation is abandoned, unless it was let go; the value says why. */
  abandon: (gang: GangId, incarnation: Incarnation) => `given-up/${gang}/incarnations/${incarnation}`,
  /** Every member of it is proved dead, create-once; the value says by whose word. */
  ended: (gang: GangId, incarnation: Incarnation) => `gangs/${gang}/incarnations/${incarnation}/ended`,
} as const;

export const equals = (key: string, value: LedgerValue): LedgerCompare => ({ key, is: { equals: value } });
export const absent = (key: string): LedgerCompare => ({ key, is: 'absent' });
export const present = (key: string): LedgerCompare => ({ key, is: 'present' });

/** What each role does with the ledger's keys, by their prefixes: whoever may write may read there too. */
export interface LedgerRights {
  readonly reads: readonly string[];
  readonly writes: readonly string[];
}

/** The least that each role needs. An agent reads all gangs and writes what gives up: it can not commit, nor lead. */
export const ledgerRights = {
  coordinator: { reads: [], writes: [''] },
  agent: { reads: ['gangs/'], writes: ['given-up/'] },
} as const satisfies Readonly<Record<string, LedgerRights>>;
