// What an agent's machine of one member's epoch wants done, in order.
import type { ChartState } from '../chart.ts';
import type { MemberDeadline, MemberStep } from './events.ts';
import type { MemberFacts } from './facts.ts';
import type { EpochCommand, MemberReport } from '../messages.ts';

/** Plain JSON: `value` names the state, `context` is what is known. */
export type MemberEpochState = ChartState<MemberFacts>;

/** An effect as the chart says it, before the state that it leads to is known. */
export type MemberAction =
  | { readonly kind: 'Persist' }
  | ({ readonly kind: 'Run' } & MemberStep)
  /** All reports of the member so far: the node's reply contains them from now on, and is sent. */
  | { readonly kind: 'Report'; readonly reports: readonly MemberReport[] }
  | { readonly kind: 'SetDeadline'; readonly name: MemberDeadline; readonly afterMs: number }
  | { readonly kind: 'ClearDeadline'; readonly name: MemberDeadline }
  /** Answer with `DecisionRead`. */
  | { readonly kind: 'ReadDecision' }
  /** Write `abort`, create-once; answer with `DecisionRead`: what the ledger has then. */
  | { readonly kind: 'TryAbort'; readonly reason: string }
  /** A command of a past leader or of another epoch: nothing was done. */
  | { readonly kind: 'Refused'; readonly command: EpochCommand['kind']; readonly reason: string };

export type MemberEffect =
  | Exclude<MemberAction, { kind: 'Persist' }>
  /** Make this the state that a restarted agent goes on from, durably, before any effect that follows. */
  | { readonly kind: 'Persist'; readonly record: MemberEpochState };
