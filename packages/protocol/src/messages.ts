// What coordinator and agents say to one another about an epoch. Every message can be lost or sent twice: the
// receiver answers from its state.
import type { Endpoint, KernelSocket, MemberVote } from './cut.ts';
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

/** An order of the coordinator; each concerns all members of the gang on the node that gets it. */
export type EpochOrder =
  | {
      readonly kind: 'Preflight';
      readonly outcome: Outcome;
      readonly outside: OutsidePolicy;
      readonly files: FilesPolicy;
    }
  | { readonly kind: 'Freeze'; readonly outcome: Outcome; readonly deadManMs: number }
  | { readonly kind: 'Hold' }
  | { readonly kind: 'Dump' }
  /** All members have noted their files: under *resume* each is released once its own dump has ended. */
  | { readonly kind: 'AllNoted' }
  /** The decision is known. `abort`: lift and thaw. `commit` under *stop*: park, kill, never lift. */
  | { readonly kind: 'Decided'; readonly decision: Decision; readonly reason: string }
  /** All members are released: list their sockets, so that half-dead connections are found. Asked twice. */
  | { readonly kind: 'AllReleased'; readonly round: SurveyRound }
  /** Destroy those of these sockets that are yours, by cookie: their other ends are gone. */
  | { readonly kind: 'Settle'; readonly halfDead: readonly HalfDeadSocket[] }
  /**
   * The epoch is committed: write the staged images to the vault. The id is of whoever takes the epoch up: a new one
   * begins anew where another gave up.
   */
  | { readonly kind: 'Persist'; readonly persistId: string }
  /** The epoch is closed: staging may go. */
  | { readonly kind: 'Forget' };

export type EpochCommand = EpochHeader & EpochOrder;

/** First or second look at the gang's sockets after the last release. */
export type SurveyRound = 1 | 2;

/** A socket of a member whose other end does not exist any more. */
export interface HalfDeadSocket {
  readonly member: MemberId;
  readonly cookie: string;
  readonly local: Endpoint;
  readonly remote: Endpoint;
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
  /** Bytes in pages that are not all zero. */
  readonly nonZeroBytes: number;
  readonly storedBytes: number;
  /** Of the content. */
  readonly sha256: string;
  /** Of the bytes as they are stored. */
  readonly storedSha256: string;
}

/** Duration of one step of one member, for the timeline. Times are the node's wall clock in ms. */
export interface PhaseSpan {
  readonly member: MemberId;
  readonly phase: string;
  readonly startMs: number;
  readonly endMs: number;
}

/** What a member's image needs in the vault, and what there is, in bytes. */
export interface VaultRoom {
  /** About the member's memory: before anything is left out or compressed. */
  readonly imageBytes: number;
  /** Free in the vault, as the member's agent sees it. */
  readonly vaultFreeBytes: number;
}

/** What an agent reports of one member. Facts only accumulate while an epoch lasts. */
export type MemberReport =
  | {
      readonly kind: 'Ready';
      readonly member: MemberId;
      readonly blockers: readonly Blocker[];
      /** How long this member may be held before a timer of its own or of the kernel acts. */
      readonly holdBudgetMs: number;
      readonly room: VaultRoom;
    }
  | { readonly kind: 'Frozen'; readonly member: MemberId }
  | { readonly kind: 'Held'; readonly member: MemberId; readonly holdId: HoldId }
  | { readonly kind: 'Noted'; readonly member: MemberId }
  | { readonly kind: 'Dumped'; readonly member: MemberId; readonly vote: MemberVote }
  /** The member runs, by the rules: after `AllNoted`, or after `abort`. */
  | { readonly kind: 'Released'; readonly member: MemberId; readonly heldMs: number }
  | SurveyedReport
  | { readonly kind: 'Settled'; readonly member: MemberId; readonly destroyed: number }
  | { readonly kind: 'Killed'; readonly member: MemberId }
  | {
      readonly kind: 'Persisted';
      readonly member: MemberId;
      readonly files: readonly StoredFile[];
      readonly meta: unknown;
    }
  | { readonly kind: 'Forgotten'; readonly member: MemberId }
  /** The member has voted under *stop*, hears nobody and cannot reach the ledger: it stays frozen. */
  | { readonly kind: 'InDoubt'; readonly member: MemberId }
  | FailedReport;

/** A member's TCP sockets after the last release, listeners left out. */
export interface SurveyedReport {
  readonly kind: 'Surveyed';
  readonly member: MemberId;
  readonly round: SurveyRound;
  readonly addresses: readonly string[];
  readonly sockets: readonly KernelSocket[];
}

/** A step of a member did not succeed: the member takes no further part in this epoch. */
export interface FailedReport {
  readonly kind: 'Failed';
  readonly member: MemberId;
  readonly phase: string;
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  /** Whether a new epoch may succeed without a change. */
  readonly retryable: boolean;
  /** Of the order that it answers, when the images could not be written to the vault. */
  readonly persistId?: string;
}

/** An agent's answer: one a node, with the reports of all its members so far. Empty: it knows nothing of the epoch. */
export interface EpochReply extends EpochHeader {
  readonly kind: 'Reports';
  readonly node: NodeName;
  readonly reports: readonly MemberReport[];
  readonly spans: readonly PhaseSpan[];
}
