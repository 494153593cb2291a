// What an agent's machine of one member's restore attempt hears. All of it is plain data.
import type { HoldId, MemberId } from '../ids.ts';
import type { MemberRestoreLimits } from '../limits.ts';
import type { MemberDeadline } from '../member/events.ts';
import type { Blocker, FilesPolicy } from '../messages.ts';
import type { RestoreCommand, RestoreHeader, RestoreOutcome, RestorePlacement } from '../restore-messages.ts';

export interface MemberRestoreInput {
  readonly header: RestoreHeader;
  readonly member: MemberId;
  /** Name of the one hold that this attempt takes: made afresh by the agent, never used before. */
  readonly holdId: HoldId;
  readonly limits: MemberRestoreLimits;
}

/** One thing that is done for a member. At most one at a time; each ends by a deadline of the executor's. */
export type MemberRestoreStep =
  | { readonly step: 'preflight'; readonly members: readonly RestorePlacement[] }
  | {
      readonly step: 'prepare';
      readonly members: readonly RestorePlacement[];
      readonly files: FilesPolicy;
    }
  /** Take the hold, then restore: the member must not run an instruction. */
  | { readonly step: 'restore'; readonly holdId: HoldId }
  /** Lift the hold and thaw. Done again: no harm. */
  | { readonly step: 'lift'; readonly holdId: HoldId }
  /** See that it runs. */
  | { readonly step: 'verify' }
  /** Kill all of this attempt and remove what it made here. Done again, or early: no harm. */
  | { readonly step: 'abandon'; readonly holdId: HoldId };

export type MemberRestoreStepName = MemberRestoreStep['step'];

/** What a step found. */
export type MemberRestoreResult =
  | { readonly step: 'preflight'; readonly blockers: readonly Blocker[] }
  /** The hold under which the member stands, as the kernel has it. */
  | { readonly step: 'restore'; readonly holdId: HoldId }
  | { readonly step: 'prepare' | 'lift' | 'verify' | 'abandon' };

export type MemberRestoreEvent =
  | { readonly kind: 'CommandReceived'; readonly command: RestoreCommand }
  | ({ readonly kind: 'StepDone' } & MemberRestoreResult)
  | {
      readonly kind: 'StepFailed';
      readonly step: MemberRestoreStepName;
      readonly code: string;
      readonly message: string;
      readonly remedy: string;
      readonly retryable: boolean;
    }
  /**
   * A `Persist` could not be done. The step that wanted it has not happened: the driver goes back to the state
   * before it, performs no further effect of it, and then sends this.
   */
  | { readonly kind: 'PersistFailed'; readonly message: string }
  | { readonly kind: 'DeadlineExpired'; readonly name: MemberDeadline }
  /** What the ledger has; the answer to `ReadOutcome` and to `TryAbandon`. */
  | { readonly kind: 'OutcomeRead'; readonly outcome: RestoreOutcome | 'none' | 'unavailable' }
  /** The agent was gone: the state is the last `Persist`ed one. */
  | { readonly kind: 'Restarted' }
  /** The restored processes are gone, not by our hand. */
  | { readonly kind: 'MemberDied'; readonly reason: string }
  /** The gang has a later incarnation: this one is fenced, and whatever is left of it is killed. */
  | { readonly kind: 'Superseded' };
