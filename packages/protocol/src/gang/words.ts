// The words in which the coordinator's chart of an epoch is written: guards, and what entering a phase does. Pure.
import { assign, setup } from 'xstate';
import { chartWords, type ChartEvent } from '../chart.ts';
import type { GangDeadline, GangEffect, GangEpochInput, GangEvent, GangResult } from './events.ts';
import * as facts from './facts.ts';
import type { GangFacts, GangStep } from './facts.ts';
import * as orders from './orders.ts';
import type { PhaseDeadline } from './orders.ts';
import type { Decision, EpochOrder } from '../messages.ts';

/** How an epoch is taken up: anew, or by a successor, who found this in the ledger. */
interface GangChartInput extends GangEpochInput {
  readonly found: 'new' | 'undecided' | Decision;
}

export const { brings, say, sayFrom, learn, learnFrom, knows } = chartWords<
  GangFacts,
  GangEvent,
  GangEffect
>();

export const isGood = (known: GangFacts): boolean => known.failure === null;
export const isDecided = (known: GangFacts): boolean => known.decision !== null;
export const isAborted = (known: GangFacts): boolean =>
  isDecided(known) && facts.allReached(known, 'Released');
/** Every member has taken the step, and none has failed. */
export const reached = (step: GangStep) => knows((known) => isGood(known) && facts.allReached(known, step));
/** Every member that still can has taken the step. */
export const done = (step: GangStep) => knows((known) => facts.allReached(known, step));
export const expired = (name: GangDeadline, fits: (known: GangFacts) => boolean = () => true) =>
  brings('DeadlineExpired', (event, known) => event.name === name && fits(known));
export const ledgerSays = (decision: Decision) =>
  brings('DecisionWritten', (event) => event.decision === decision);

/** An order that is in force from now on, to all nodes. */
export const order = (phase: PhaseDeadline, make: (known: GangFacts) => EpochOrder, awaited: GangStep) =>
  [learn((known) => orders.takeOrder(known, phase, make(known), awaited)), say(orders.sendOrder)] as const;
/** Entering a phase: its name, its deadline, and its order. */
export const enter = (phase: PhaseDeadline, make: (known: GangFacts) => EpochOrder, awaited: GangStep) =>
  [
    say((known) => [orders.record({ kind: 'PhaseEntered', phase }), orders.setDeadline(known, phase)]),
    ...order(phase, make, awaited),
  ] as const;
export const leave = (phase: PhaseDeadline) => say(() => [orders.clearDeadline(phase)]);
/** A phase before the decision that is not over in time fails the epoch. */
export const failOverdue = (phase: PhaseDeadline) =>
  ({ guard: expired(phase), actions: learn((known) => orders.foldOverdue(known, phase)) }) as const;
/** A phase whose outcome changes nothing any more: it is over when its time is. */
export const goOnOverdue = <Target extends string>(phase: PhaseDeadline, target: Target) =>
  ({
    guard: expired(phase),
    target,
    actions: learn((known) => facts.warn(known, orders.overdueFailure(known, phase))),
  }) as const;

export const end = (result: GangResult) =>
  ({
    type: 'final',
    entry: [
      learn((known) => ({ ...known, phase: result, order: null, awaited: null })),
      say((known) => [orders.record({ kind: 'PhaseEntered', phase: result }), orders.finish(known, result)]),
    ],
  }) as const;

const types = {} as { context: GangFacts; events: ChartEvent<GangEvent>; input: GangChartInput };

/** What all parts of the chart are typed by. */
export const gangSetup = setup({
  types,
  actions: {
    say: (_moment, _params: { readonly effects: readonly GangEffect[] }) => undefined,
    learn: assign((_moment, { known }: { readonly known: GangFacts }) => known),
  },
});
