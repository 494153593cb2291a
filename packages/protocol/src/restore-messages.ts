// What coordinator and agents say to one another about a restore attempt. An attempt is an incarnation: its header
// names the new incarnation, and the epoch that is restored. Every message can be lost or sent twice.
import type { HoldId, MemberId, NodeName } from './ids.ts';
import type { Blocker, EpochHeader, FailedReport, FilesPolicy, PhaseSpan } from './messages.ts';

/** The ledger's create-once word on a restore attempt. */
export type RestoreOutcome = 'go' | 'abandon';

/** On every message of an attempt. `incarnation` is the attempt's own, `epoch` is the one it restores. */
export type RestoreHeader = EpochHeader;

/** Where a member comes back, and how its addresses change. */
export interface RestorePlacement {
  readonly member: MemberId;
  readonly node: NodeName;
  readonly addresses: readonly { readonly from: string; readonly to: string }[];
}

/** An order of the coordinator; each concerns all members of the gang that come back on the node that gets it. */
export type RestoreOrder =
  /** Can it be done here? Nothing is changed. All members are named: images are rewritten gang-wide. */
  | {
      readonly kind: 'RestorePreflight';
      readonly members: readonly RestorePlacement[];
      readonly files: FilesPolicy;
    }
  /** Fetch and verify every file, rewrite the images. */
  | { readonly kind: 'Prepare' }
  /** Restore each member, frozen and under a hold. */
  | { readonly kind: 'Restore'; readonly deadManMs: number }
  /** The outcome is `go`: lift, thaw, and see that it runs. */
  | { readonly kind: 'Lift' }
  /** Kill all of this attempt, and leave nothing of it. */
  | { readonly kind: 'Abandon'; readonly reason: string };

export type RestoreCommand = RestoreHeader & RestoreOrder;

/** What an agent reports of one member. Facts only accumulate while an attempt lasts. */
export type RestoreReport =
  | { readonly kind: 'RestoreReady'; readonly member: MemberId; readonly blockers: readonly Blocker[] }
  | { readonly kind: 'Prepared'; readonly member: MemberId }
  | { readonly kind: 'Restored'; readonly member: MemberId; readonly holdId: HoldId }
  | { readonly kind: 'Lifted'; readonly member: MemberId }
  | { readonly kind: 'Running'; readonly member: MemberId }
  | { readonly kind: 'Abandoned'; readonly member: MemberId }
  /** The member is restored, hears nobody and cannot reach the ledger: it stays frozen. */
  | { readonly kind: 'InDoubt'; readonly member: MemberId }
  | FailedReport;

/** An agent's answer: one a node, with the reports of all its members so far. */
export interface RestoreReply extends RestoreHeader {
  readonly kind: 'RestoreReports';
  readonly node: NodeName;
  readonly reports: readonly RestoreReport[];
  readonly spans: readonly PhaseSpan[];
}
