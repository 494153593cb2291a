// The coordinator's machine for one restore attempt (an incarnation): events in, ordered effects out. Pure; a driver
// performs the effects and keeps the clock.
import { initialTransition } from 'xstate';
import { toChartEvent, toStep, transitionOf, type ChartState } from '../chart.ts';
import { restoreChart } from './chart.ts';
import type { RestoreEffect, RestoreEvent, RestoreInput } from './events.ts';
import type { RestoreFacts } from './facts.ts';
import type { RestoreOutcome } from '../restore-messages.ts';
import type { Step } from '../step.ts';

const transition = transitionOf(restoreChart);

/** Plain JSON: `value` names the phase, `context` is what is known. */
export type RestoreState = ChartState<RestoreFacts>;

/** Begins an attempt. Nothing is written anywhere before its preflight has passed. */
export function startRestoreAttempt(input: RestoreInput): Step<RestoreState, RestoreEffect> {
  return toStep(initialTransition(restoreChart, { ...input, found: 'new' }));
}

/**
 * Takes up an attempt that a predecessor left open, under the new leader's fence, by what the ledger says:
 * no outcome → abandon; `abandon` or `go` → finish what is left of it.
 */
export function recoverRestoreAttempt(
  input: RestoreInput,
  outcome: RestoreOutcome | null,
): Step<RestoreState, RestoreEffect> {
  return toStep(initialTransition(restoreChart, { ...input, found: outcome ?? 'undecided' }));
}

/** One event. Events that come late or twice change nothing and have no effects; so do all after `Finish`. */
export function stepRestoreAttempt(
  state: RestoreState,
  event: RestoreEvent,
): Step<RestoreState, RestoreEffect> {
  if (isRestoreFinished(state)) return { state, effects: [] };
  return toStep(transition(restoreChart.resolveState(state), toChartEvent(event)));
}

/** Whether the attempt has come to its `Finish`. */
export const isRestoreFinished = (state: RestoreState): boolean =>
  restoreChart.resolveState(state).status === 'done';
