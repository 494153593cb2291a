// What the coordinator's machine of a restore attempt hears, and what it wants done. All of it is plain data.
import type { Failure } from '../failures.ts';
import type { MemberId, NodeName } from '../ids.ts';
import type { RestoreLimits } from '../limits.ts';
import type { FilesPolicy } from '../messages.ts';
import type {
  RestoreCommand,
  RestoreHeader,
  RestoreOutcome,
  RestorePlacement,
  RestoreReply,
} from '../restore-messages.ts';

export interface RestoreInput {
  readonly header: RestoreHeader;
  readonly members: readonly RestorePlacement[];
  /** Whether files that were changed are restored to the cut, or kept as they are. */
  readonly files: FilesPolicy;
  readonly limits: RestoreLimits;
}

/** Names of the deadlines of an attempt: each bounds its phase. */
export type RestoreDeadline =
  'preflight' | 'open' | 'prepare' | 'restore' | 'decide' | 'lift' | 'verify' | 'abandon' | 'end';

export type RestoreEvent =
  | { readonly kind: 'ReplyReceived'; readonly reply: RestoreReply }
  | { readonly kind: 'DeadlineExpired'; readonly name: RestoreDeadline }
  /** Every `tickMs`: what may have been lost is sent again. */
  | { readonly kind: 'Tick' }
  /** Nothing of the incarnation before runs, and its files are as they were at the cut. */
  | { readonly kind: 'WayCleared' }
  /** The ledger has this attempt as the gang's latest incarnation. */
  | { readonly kind: 'IncarnationOpened' }
  /** It can't be: a predecessor may still run, its files can't go back, or another attempt was quicker. */
  | { readonly kind: 'IncarnationRefused'; readonly reason: string }
  /** What the ledger has as the outcome, whoever wrote it. */
  | { readonly kind: 'OutcomeWritten'; readonly outcome: RestoreOutcome }
  | { readonly kind: 'EndedWritten' }
  /** The ledger gave no answer: what was asked for may be written or not. */
  | { readonly kind: 'LedgerUnavailable' }
  | { readonly kind: 'AbandonRequested'; readonly reason: string }
  /** The node is proved gone, with its members. */
  | { readonly kind: 'NodeLost'; readonly node: NodeName };

/**
 * `running`: all members run. `refused`: nothing was begun. `abandoned`: nothing of it is left, or can ever
 * run. `ended`: it had its `go`, then failed, and all its members are proved dead. `unproved`: the same, without
 * the proof. `undecided`: the ledger is silent; recover the attempt once it answers.
 */
export type RestoreResult = 'running' | 'refused' | 'abandoned' | 'ended' | 'unproved' | 'undecided';

export type RestoreProgress =
  | { readonly kind: 'PhaseEntered'; readonly phase: string }
  | { readonly kind: 'Abandoning'; readonly failure: Failure }
  | { readonly kind: 'MemberInDoubt'; readonly member: MemberId };

export type RestoreEffect =
  | { readonly kind: 'Send'; readonly node: NodeName; readonly command: RestoreCommand }
  /**
   * Preflight has passed: what is left of the incarnation before is ended, and files are brought to the cut. Whoever
   * does it bounds it and hears of an `AbandonRequested`; left half way, what has ended stays so. Answer with
   * `WayCleared` or `IncarnationRefused`.
   */
  | { readonly kind: 'ClearWay' }
  /**
   * One transaction: decide the gang's open epoch, fence the incarnation before, open this one. Answer with
   * `IncarnationOpened` (also when it was opened before by this very fence), `IncarnationRefused` or
   * `LedgerUnavailable`.
   */
  | { readonly kind: 'OpenIncarnation' }
  /** Create-once. Answer with `OutcomeWritten` or `LedgerUnavailable`. */
  | { readonly kind: 'WriteRestoreOutcome'; readonly outcome: RestoreOutcome; readonly reason: string }
  /** Every member of it is dead. Answer with `EndedWritten` or `LedgerUnavailable`. */
  | { readonly kind: 'WriteEnded' }
  | { readonly kind: 'SetDeadline'; readonly name: RestoreDeadline; readonly afterMs: number }
  | { readonly kind: 'ClearDeadline'; readonly name: RestoreDeadline }
  | { readonly kind: 'Record'; readonly event: RestoreProgress }
  | {
      readonly kind: 'Finish';
      readonly result: RestoreResult;
      /** Which member, which phase and why, when it does not run. */
      readonly failure: Failure | null;
      readonly warnings: readonly Failure[];
    };
