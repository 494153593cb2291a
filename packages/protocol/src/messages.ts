// What coordinator and agents say to one another about an epoch or a restore attempt. Every message can be
// sent twice: the receiver answers from its state.
import type { MemberVote } from './cut.ts';
import type { Epoch, Fence, GangId, HoldId, Incarnation, MemberId, NodeName } from './ids.ts';

/** `resume`: members run on, whatever is decided. `stop`: they stay held until it is known. */
export type Outcome = 'resume' | 'stop';
/** The ledger's create-once word on an epoch. */
export type Decision = 'commit' | 'abort';
/** What happens to connections whose other end is outside the gang. */
export type OutsidePolicy = 'refuse' | 'close' | 'keep';
/** What happens to files that were changed in place: refuse, save their content, or leave them as they are. */
export type FilesPolicy = 'refuse' | 'save' | 'keep';

/** On every message of an epoch. A receiver refuses a lower fence, and a lower epoch of the same gang. */
export interface EpochHeader {
  readonly gang: GangId;
  readonly incarnation: Incarnation;
  readonly epoch: Epoch;
  readonly fence: Fence;
}

/** Orders of the coordinator to an agent: each concerns all members of the gang on that node. */
export type EpochCommand = EpochHeader &
  (
    | { readonly kind: 'Preflight'; readonly outcome: Outcome; readonly outside: OutsidePolicy; readonly files: FilesPolicy }
    | { readonly kind: 'Freeze'; readonly outcome: Outcome; readonly deadManMs: number }
    | { readonly kind: 'Hold' }
    | { readonly kind: 'Dump' }
    /** All members have noted their files: under *resume* each may be released once its own dump has ended. */
    | { readonly kind: 'AllNoted' }
    /** The decision is known. `abort`: lift and thaw. `commit` under *stop*: park, kill, never lift. */
    | { readonly kind: 'Decided'; readonly decision: Decision; readonly reason: string }
    /** All members are released: judge half-dead connections, and destroy those whose other end is gone. */
    | { readonly kind: 'AllReleased'; readonly sockets: readonly GangSockets[] }
    /** Write the staged images to the vault. */
    | { readonly kind: 'Persist' }
    /** The epoch is closed: staging may go. */
    | { readonly kind: 'Forget' }
  );

/** Connections of one member after the last release, to tell which ends are gone. */
export interface GangSockets {
  readonly member: MemberId;
  readonly endpoints: readonly string[];
}

/** Something that makes a checkpoint or restore impossible, found before anything is touched. */
export interface Blocker {
  readonly code: string;
  readonly member?: MemberId;
  readonly node?: NodeName;
  readonly message: string;
  readonly remedy: string;
}

/** One file in the vault or in staging. */
export interface StoredFile {
  readonly name: string;
  readonly bytes: number;
  readonly storedBytes: number;
  readonly sha256: string;
}

/** Duration of one step of one member, for the timeline. Times are the node's wall clock in ms. */
export interface PhaseSpan {
  readonly member: MemberId;
  readonly phase: string;
  readonly startMs: number;
  readonly endMs: number;
}

/** What an agent reports of one member. Facts only accumulate while an epoch lasts. */
export type MemberReport =
  | { readonly kind: 'Ready'; readonly member: MemberId; readonly blockers: readonly Blocker[]; readonly holdBudgetMs: number }
  | { readonly kind: 'Frozen'; readonly member: MemberId }
  | { readonly kind: 'Held'; readonly member: MemberId; readonly holdId: HoldId }
  | { readonly kind: 'Noted'; readonly member: MemberId }
  | { readonly kind: 'Dumped'; readonly member: MemberId; readonly vote: MemberVote }
  | { readonly kind: 'Released'; readonly member: MemberId; readonly heldMs: number }
  | { readonly kind: 'Settled'; readonly member: MemberId; readonly destroyed: number }
  | { readonly kind: 'Killed'; readonly member: MemberId }
  | { readonly kind: 'Persisted'; readonly member: MemberId; readonly files: readonly StoredFile[]; readonly meta: unknown }
  | { readonly kind: 'Failed'; readonly member: MemberId; readonly phase: string; readonly code: string; readonly message: string; readonly remedy: string };

/** An agent's answer: one a node, with the reports of all its members so far. */
export interface EpochReply extends EpochHeader {
  readonly kind: 'Reports';
  readonly node: NodeName;
  readonly reports: readonly MemberReport[];
  readonly spans: readonly PhaseSpan[];
}
