// The coordinator's machine for one epoch of a gang: events in, ordered effects out. Pure; a driver performs the
// effects and keeps the clock.
import { initialTransition } from 'xstate';
import { toChartEvent, toStep, transitionOf, type ChartState } from '../chart.ts';
import { gangChart } from './chart.ts';
import type { GangEffect, GangEpochInput, GangEvent } from './events.ts';
import type { GangFacts } from './facts.ts';
import type { Decision } from '../messages.ts';
import type { Step } from '../step.ts';

const transition = transitionOf(gangChart);

/** Plain JSON: `value` names the phase, `context` is what is known. */
export type GangEpochState = ChartState<GangFacts>;

/** Begins an epoch that the ledger has just opened. */
export function startGangEpoch(input: GangEpochInput): Step<GangEpochState, GangEffect> {
  return toStep(initialTransition(gangChart, { ...input, found: 'new' }));
}

/**
 * Takes up an epoch that a predecessor left open, under the new leader's fence, by what the ledger says:
 * nothing decided → abort; `abort` or `commit` → finish what is left of it.
 */
export function recoverGangEpoch(
  input: GangEpochInput,
  decision: Decision | null,
): Step<GangEpochState, GangEffect> {
  return toStep(initialTransition(gangChart, { ...input, found: decision ?? 'undecided' }));
}

/** One event. Events that come late or twice change nothing and have no effects; so do all after `Finish`. */
export function stepGangEpoch(state: GangEpochState, event: GangEvent): Step<GangEpochState, GangEffect> {
  if (isGangEpochFinished(state)) return { state, effects: [] };
  return toStep(transition(gangChart.resolveState(state), toChartEvent(event)));
}

/** Whether the epoch has come to its `Finish`. */
export const isGangEpochFinished = (state: GangEpochState): boolean =>
  gangChart.resolveState(state).status === 'done';
