// An agent's machine for one member in one epoch: events in, ordered effects out. Pure; a driver performs the
// effects and keeps the clock. A restarted agent takes the last `Persist`ed record for its state.
import { initialTransition } from 'xstate';
import { toChartEvent, toStep, transitionOf, withRecords } from '../chart.ts';
import { memberChart } from './chart.ts';
import type { MemberAction, MemberEffect, MemberEpochState } from './effects.ts';
import type { MemberEpochInput, MemberEvent } from './events.ts';
import { isDone, type MemberFacts } from './facts.ts';
import type { Step } from '../step.ts';

const transition = transitionOf(memberChart);

/** Begins a member's part in an epoch; the first command is an event of its own. */
export function startMemberEpoch(input: MemberEpochInput): Step<MemberEpochState, MemberEffect> {
  return withRecords(toStep<MemberFacts, MemberAction>(initialTransition(memberChart, input)));
}

/** One event. Events that come late or twice change nothing; a command is answered with a `Report` all the same. */
export function stepMemberEpoch(
  state: MemberEpochState,
  event: MemberEvent,
): Step<MemberEpochState, MemberEffect> {
  return withRecords(
    toStep<MemberFacts, MemberAction>(transition(memberChart.resolveState(state), toChartEvent(event))),
  );
}

/**
 * Whether this epoch may freeze or hold the member now: a later epoch has to wait until it does not. One that has
 * killed its member does not, whoever is restored from it.
 */
export const isMemberEngaged = ({ context }: MemberEpochState): boolean =>
  !context.free && !isDone(context, 'kill');

/**
 * Whether a later epoch makes what is staged of this one useless: it is closed by then. Not that of a committed
 * *stop*: it may be all that there is of the member, and while no manifest names what is in the vault, this epoch's
 * reports are needed to write one. Its coordinator says when to forget it.
 */
export function isStagingStale(state: MemberEpochState): boolean {
  const { context } = state;
  const isCommittedStop = context.outcome === 'stop' && context.decision === 'commit';
  return !isMemberEngaged(state) && !isDone(context, 'forget') && !isCommittedStop;
}
