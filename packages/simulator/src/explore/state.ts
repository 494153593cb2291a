// What a state of the explored loop is made of. Plain values that are never changed: a draft gets new ones.
import type { MemberId, NodeName } from '@stillpoint/protocol';
import type { LedgerState } from './ledger.ts';

/** Whoever drives the epoch or attempt, or did. */
export interface Leader {
  readonly fence: number;
  /** Number of the machine's state. */
  readonly machine: number;
  /** Deadlines that are set, sorted. */
  readonly armed: readonly string[];
  /** What it waits for: `commit` is on its way to the ledger, `commit=abort` is the answer on its way back. Sorted. */
  readonly asks: readonly string[];
  /** A leader that was deposed may go on, unaware. One that is dead may have left writes on their way. */
  readonly isAlive: boolean;
}

/** An agent's machine for one member. */
export interface Part {
  readonly machine: number;
  readonly armed: readonly string[];
  /** Number of the state that is kept on the disk. */
  readonly record: number | null;
  readonly asks: readonly string[];
  /** It has not heard yet that its member died. */
  readonly isUntold: boolean;
}

export interface Node {
  /** `lost`: gone for ever. `new`: it lost its power, and knows nothing any more. */
  readonly fate: 'here' | 'lost' | 'new';
  readonly isAgentUp: boolean;
  /** The highest that was heard of; it is on the disk. */
  readonly seenFence: number;
  /** One for each member that is placed there, in their order. */
  readonly parts: readonly (Part | null)[];
}

/** What everybody shares, and what has become of it. */
export interface Shared {
  readonly ledger: LedgerState;
  readonly hasManifest: boolean;
  /** How it ended, once the ledger has that. */
  readonly closed: string | null;
}

/** A state while its successor is made. */
export interface Draft<Kernel> {
  leader: Leader | null;
  /** The leader before, while it may still have an effect. */
  ghost: Leader | null;
  shared: Shared;
  faults: number;
  readonly nodes: Node[];
  /** The truth about each member, whatever anybody believes. */
  readonly kernels: Kernel[];
  /** By node: numbers of all orders that were ever sent to it and may count. Sorted. */
  readonly orders: (readonly number[])[];
  /** By node: the same of its answers. */
  readonly answers: (readonly number[])[];
}

/** Where members are: their numbers go from 0. */
export interface Layout {
  readonly places: readonly { readonly member: MemberId; readonly node: NodeName }[];
  readonly nodes: readonly { readonly name: NodeName; readonly members: readonly number[] }[];
}

/** Adds to a sorted set, or takes away from it. */
export const withWord = (words: readonly string[], word: string): readonly string[] =>
  words.includes(word) ? words : [...words, word].toSorted();
export const withoutWord = (words: readonly string[], word: string): readonly string[] =>
  words.includes(word) ? words.filter((each) => each !== word) : words;
export const withNumber = (numbers: readonly number[], more: number): readonly number[] =>
  numbers.includes(more) ? numbers : [...numbers, more].toSorted((a, b) => a - b);
