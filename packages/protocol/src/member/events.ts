// What an agent's machine of one member's epoch hears, and what it wants done. All of it is plain data.
import type { KernelSocket, MemberVote } from '../cut.ts';
import type { HoldId, MemberId } from '../ids.ts';
import type { MemberEpochLimits } from '../limits.ts';
import type {
  Blocker,
  Decision,
  EpochCommand,
  EpochHeader,
  FilesPolicy,
  HalfDeadSocket,
  Outcome,
  OutsidePolicy,
  StoredFile,
  SurveyRound,
  VaultRoom,
} from '../messages.ts';

export interface MemberEpochInput {
  readonly header: EpochHeader;
  readonly member: MemberId;
  readonly outcome: Outcome;
  readonly outside: OutsidePolicy;
  readonly files: FilesPolicy;
  /** Name of the one hold that this epoch may take: made afresh by the agent, never used before. */
  readonly holdId: HoldId;
  readonly limits: MemberEpochLimits;
}

/** One thing that is done to a member. At most one at a time; each ends by a deadline of the executor's. */
export type MemberStep =
  | { readonly step: 'preflight'; readonly outside: OutsidePolicy; readonly files: FilesPolicy }
  | { readonly step: 'freeze' }
  | { readonly step: 'hold'; readonly holdId: HoldId }
  | { readonly step: 'note' }
  | { readonly step: 'dump'; readonly outside: OutsidePolicy; readonly files: FilesPolicy }
  /** Compare files with their note, look for the hold once more, read the tables of connections. */
  | { readonly step: 'check'; readonly holdId: HoldId }
  /** Lift the hold and thaw, whatever of it there is; after CRIU, should it still run. Done again: no harm. */
  | { readonly step: 'release'; readonly holdId: HoldId }
  /** Park, kill all, end the sandbox; never lift. Done again: no harm. */
  | { readonly step: 'kill'; readonly holdId: HoldId }
  | { readonly step: 'survey'; readonly round: SurveyRound }
  | { readonly step: 'settle'; readonly halfDead: readonly HalfDeadSocket[] }
  | { readonly step: 'persist' }
  /** Remove what is staged of this epoch. */
  | { readonly step: 'forget' };

export type MemberStepName = MemberStep['step'];

/** What a step found. */
export type MemberStepResult =
  | {
      readonly step: 'preflight';
      readonly blockers: readonly Blocker[];
      readonly holdBudgetMs: number;
      readonly room: VaultRoom;
    }
  | { readonly step: 'freeze' | 'note' | 'dump' | 'kill' | 'forget' }
  /** The hold as it is in force in the kernel. */
  | { readonly step: 'hold'; readonly holdId: HoldId }
  /** The vote names the hold that is in force after the dump. */
  | { readonly step: 'check'; readonly vote: MemberVote }
  | { readonly step: 'release'; readonly heldMs: number }
  | {
      readonly step: 'survey';
      readonly addresses: readonly string[];
      readonly sockets: readonly KernelSocket[];
    }
  | { readonly step: 'settle'; readonly destroyed: number }
  | { readonly step: 'persist'; readonly files: readonly StoredFile[]; readonly meta: unknown };

/** `deadMan`: nothing was heard. `doubt`: ask the ledger again. `retry`: try the failed step again. */
export type MemberDeadline = 'deadMan' | 'doubt' | 'retry';

export type MemberEvent =
  | { readonly kind: 'CommandReceived'; readonly command: EpochCommand }
  | ({ readonly kind: 'StepDone' } & MemberStepResult)
  | {
      readonly kind: 'StepFailed';
      readonly step: MemberStepName;
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
  /** What the ledger has; the answer to `ReadDecision` and to `TryAbort`. */
  | { readonly kind: 'DecisionRead'; readonly decision: Decision | 'none' | 'unavailable' }
  /** The agent was gone: the state is the last `Persist`ed one, and this is what it finds of the member. */
  | { readonly kind: 'Restarted'; readonly found: { readonly frozen: boolean; readonly held: boolean } }
  /** The member's processes are gone, not by our hand. */
  | { readonly kind: 'MemberDied'; readonly reason: string }
  /** The gang has a later epoch: this one is closed, so decided, whatever was heard of it. */
  | { readonly kind: 'Superseded' };
