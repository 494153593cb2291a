// An agent's machine for one member in one restore attempt: events in, ordered effects out. Pure; a driver performs
// the effects and keeps the clock. A restarted agent takes the last `Persist`ed record for its state.
import { initialTransition } from 'xstate';
import { toChartEvent, toStep, transitionOf, withRecords } from '../chart.ts';
import { memberRestoreChart } from './chart.ts';
import type { MemberRestoreAction, MemberRestoreEffect, MemberRestoreState } from './effects.ts';
import type { MemberRestoreEvent, MemberRestoreInput } from './events.ts';
import { isDone, type MemberRestoreFacts } from './facts.ts';
import type { Step } from '../step.ts';

const transition = transitionOf(memberRestoreChart);

/** Begins a member's part in an attempt; the first command is an event of its own. */
export function startMemberRestore(input: MemberRestoreInput): Step<MemberRestoreState, MemberRestoreEffect> {
  return withRecords(
    toStep<MemberRestoreFacts, MemberRestoreAction>(initialTransition(memberRestoreChart, input)),
  );
}

/** One event. Events that come late or twice change nothing; a command is answered with a `Report` all the same. */
export function stepMemberRestore(
  state: MemberRestoreState,
  event: MemberRestoreEvent,
): Step<MemberRestoreState, MemberRestoreEffect> {
  return withRecords(
    toStep<MemberRestoreFacts, MemberRestoreAction>(
      transition(memberRestoreChart.resolveState(state), toChartEvent(event)),
    ),
  );
}

/** Whether the attempt has succeeded for this member, and nothing has fenced it since. */
export const isMemberRestored = ({ context }: MemberRestoreState): boolean =>
  isDone(context, 'verify') && !context.burned;

/** Whether nothing is left of the attempt for this member. */
export const isMemberAbandoned = ({ context }: MemberRestoreState): boolean => isDone(context, 'abandon');
