// What the coordinator's machine of an epoch hears, and what it wants done. All of it is plain data.
import type { Failure } from '../failures.ts';
import type { HookDeadlines, HookStage } from './hooks.ts';
import type { MemberId, NodeName } from '../ids.ts';
import type {
  Decision,
  EpochCommand,
  EpochHeader,
  EpochReply,
  FilesPolicy,
  HalfDeadSocket,
  Outcome,
  OutsidePolicy,
  StoredFile,
} from '../messages.ts';
import type { GangEpochLimits } from '../limits.ts';
import type { MemberVote } from '../cut.ts';

/** Where a member of the gang runs. */
export interface Placement {
  readonly member: MemberId;
  readonly node: NodeName;
}

/** What an epoch is opened with; the ledger keeps it, so that a successor can finish what is found. */
export interface GangEpochInput {
  readonly header: EpochHeader;
  readonly outcome: Outcome;
  readonly outside: OutsidePolicy;
  readonly files: FilesPolicy;
  readonly members: readonly Placement[];
  /** Distinct for everyone who ever drives this epoch. */
  readonly persistId: string;
  readonly limits: GangEpochLimits;
  readonly hooks: HookDeadlines;
}

/** Names of the deadlines of an epoch. `budget` bounds the hold, the others their phase. */
export type GangDeadline =
  | 'preflight'
  | 'freeze'
  | 'drain'
  | 'hold'
  | 'note'
  | 'dump'
  | 'release'
  | 'budget'
  | 'decide'
  | 'kill'
  | 'abort'
  | 'settle'
  | 'surveyGap'
  | 'persist'
  | 'manifest'
  | 'forget'
  | 'hooks';

export type GangEvent =
  | { readonly kind: 'ReplyReceived'; readonly reply: EpochReply }
  | { readonly kind: 'DeadlineExpired'; readonly name: GangDeadline }
  /** Every `tickMs`: what may have been lost is sent again. */
  | { readonly kind: 'Tick' }
  /** What the ledger has as the decision, whoever wrote it. */
  | { readonly kind: 'DecisionWritten'; readonly decision: Decision }
  /** The ledger gave no answer: the decision may be written or not. */
  | { readonly kind: 'LedgerUnavailable' }
  | { readonly kind: 'AbortRequested'; readonly reason: string }
  | { readonly kind: 'ManifestWritten' }
  /** The hooks of a stage are through. `failure`: of one that the epoch is to be given up for. */
  | {
      readonly kind: 'HooksFinished';
      readonly stage: HookStage;
      readonly failure: Failure | null;
      readonly warnings: readonly Failure[];
    }
  | { readonly kind: 'ManifestFailed'; readonly reason: string }
  /** The member's processes are proved dead. */
  | { readonly kind: 'MemberLost'; readonly member: MemberId; readonly reason: string }
  /** The node is proved gone, with its members and its staging area. */
  | { readonly kind: 'NodeLost'; readonly node: NodeName };

/** One member in the manifest of an epoch. */
export interface ManifestMember extends Placement {
  readonly vote: MemberVote;
  readonly heldMs: number | null;
  readonly files: readonly StoredFile[];
  readonly meta: unknown;
}

/**
 * `published`: kept. `committed-stopped`: committed and stopped, still in staging, not in the vault.
 * `aborted`: members run, nothing kept. `lost`: committed, but gone before it was published.
 * `undecided`: the ledger is silent; recover the epoch once it answers.
 */
export type GangResult = 'published' | 'committed-stopped' | 'aborted' | 'lost' | 'undecided';

/** Progress, for people and for the timeline. */
export type GangProgress =
  | { readonly kind: 'PhaseEntered'; readonly phase: string }
  | { readonly kind: 'Aborting'; readonly failure: Failure }
  | { readonly kind: 'Committed' }
  | { readonly kind: 'Published' }
  | { readonly kind: 'MemberInDoubt'; readonly member: MemberId }
  | { readonly kind: 'HalfDeadFound'; readonly sockets: readonly HalfDeadSocket[] };

export type GangEffect =
  | { readonly kind: 'Send'; readonly node: NodeName; readonly command: EpochCommand }
  /** Create-once. Answer with `DecisionWritten` or `LedgerUnavailable`. */
  | { readonly kind: 'WriteDecision'; readonly decision: Decision; readonly reason: string }
  | { readonly kind: 'SetDeadline'; readonly name: GangDeadline; readonly afterMs: number }
  | { readonly kind: 'ClearDeadline'; readonly name: GangDeadline }
  /** Answer with `ManifestWritten` or `ManifestFailed`. */
  | { readonly kind: 'WriteManifest'; readonly members: readonly ManifestMember[] }
  /** Answer with `HooksFinished`. */
  | { readonly kind: 'RunHooks'; readonly stage: HookStage }
  | { readonly kind: 'Record'; readonly event: GangProgress }
  /** The last effect of an epoch: close it in the ledger, unless it is `undecided`. */
  | {
      readonly kind: 'Finish';
      readonly result: GangResult;
      readonly failure: Failure | null;
      readonly warnings: readonly Failure[];
    };
