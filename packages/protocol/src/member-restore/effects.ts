// What an agent's machine of one member's restore attempt wants done, in order.
import type { ChartState } from '../chart.ts';
import type { MemberDeadline } from '../member/events.ts';
import type { MemberRestoreStep } from './events.ts';
import type { MemberRestoreFacts } from './facts.ts';
import type { RestoreCommand, RestoreReport } from '../restore-messages.ts';

/** Plain JSON: `value` names the state, `context` is what is known. */
export type MemberRestoreState = ChartState<MemberRestoreFacts>;

/** An effect as the chart says it, before the state that it leads to is known. */
export type MemberRestoreAction =
  | { readonly kind: 'Persist' }
  | ({ readonly kind: 'Run' } & MemberRestoreStep)
  /** All reports of the member so far: the node's reply contains them from now on, and is sent. */
  | { readonly kind: 'Report'; readonly reports: readonly RestoreReport[] }
  | { readonly kind: 'SetDeadline'; readonly name: MemberDeadline; readonly afterMs: number }
  | { readonly kind: 'ClearDeadline'; readonly name: MemberDeadline }
  /** Answer with `OutcomeRead`. */
  | { readonly kind: 'ReadOutcome' }
  /** Write `abandon`, create-once; answer with `OutcomeRead`: what the ledger has then. */
  | { readonly kind: 'TryAbandon'; readonly reason: string }
  /** A command of a past leader or of another attempt: nothing was done. */
  | { readonly kind: 'Refused'; readonly command: RestoreCommand['kind']; readonly reason: string };

export type MemberRestoreEffect =
  | Exclude<MemberRestoreAction, { kind: 'Persist' }>
  /** Make this the state that a restarted agent goes on from, durably, before any effect that follows. */
  | { readonly kind: 'Persist'; readonly record: MemberRestoreState };
