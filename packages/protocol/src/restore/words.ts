// The words in which the coordinator's chart of a restore attempt is written. Pure.
import { assign, setup } from 'xstate';
import { chartWords, type ChartEvent } from '../chart.ts';
import { failures } from '../failures.ts';
import type { RestoreDeadline, RestoreEffect, RestoreEvent, RestoreInput, RestoreResult } from './events.ts';
import * as facts from './facts.ts';
import type { RestoreFacts, RestoreStep } from './facts.ts';
import type { RestoreOrder, RestoreOutcome } from '../restore-messages.ts';
import { invariant } from '../step.ts';

/** How an attempt is taken up: anew, or by a successor, who found it open with this in the ledger. */
interface RestoreChartInput extends RestoreInput {
  readonly found: 'new' | 'undecided' | RestoreOutcome;
}

export const { say, sayFrom, learn, learnFrom, knows, brings } = chartWords<
  RestoreFacts,
  RestoreEvent,
  RestoreEffect
>();

export const isGood = ({ failure }: RestoreFacts): boolean => failure === null;
export const reached = (step: RestoreStep) =>
  knows((known) => isGood(known) && facts.allReached(known, step));
export const done = (step: RestoreStep) => knows((known) => facts.allReached(known, step));
export const expired = (name: RestoreDeadline, fits: (known: RestoreFacts) => boolean = () => true) =>
  brings('DeadlineExpired', (event, known) => event.name === name && fits(known));

/** Entering a phase: its name and its deadline. */
export const begin = (phase: RestoreDeadline) =>
  [
    learn((known) => ({ ...known, phase, order: null, awaited: null })),
    say((known) => [facts.record({ kind: 'PhaseEntered', phase }), facts.setDeadline(known, phase)]),
  ] as const;
/** A phase with an order to all nodes. */
export const enter = (
  phase: RestoreDeadline,
  order: (known: RestoreFacts) => RestoreOrder,
  awaited: RestoreStep,
) =>
  [
    ...begin(phase),
    learn((known) => ({ ...known, order: order(known), awaited })),
    say(facts.sendOrder),
  ] as const;
export const leave = (phase: RestoreDeadline) => say(() => [{ kind: 'ClearDeadline', name: phase }]);
export const failOverdue = (phase: RestoreDeadline) =>
  ({ guard: expired(phase), actions: learn((known) => facts.foldOverdue(known, phase)) }) as const;
export const writeOutcome = (outcome: RestoreOutcome) => say((known) => [facts.writeOutcome(known, outcome)]);

export const end = (result: RestoreResult) =>
  ({
    type: 'final',
    entry: [
      learn((known) => ({ ...known, phase: result, order: null, awaited: null })),
      say((known) => [
        facts.record({ kind: 'PhaseEntered', phase: result }),
        { kind: 'Finish', result, failure: known.failure, warnings: known.warnings },
      ]),
    ],
  }) as const;

export const foundGo = (known: RestoreFacts): RestoreFacts => {
  invariant(known.goPossible, '`go` is never in the ledger before it was written');
  return { ...known, outcome: 'go', failure: null };
};
export const foundAbandon = (known: RestoreFacts): RestoreFacts =>
  facts.fail({ ...known, outcome: 'abandon' }, failures.decidedElsewhere(known.phase));

const types = {} as { context: RestoreFacts; events: ChartEvent<RestoreEvent>; input: RestoreChartInput };

/** What all parts of the chart are typed by. */
export const restoreSetup = setup({
  types,
  actions: {
    say: (_moment, _params: { readonly effects: readonly RestoreEffect[] }) => undefined,
    learn: assign((_moment, { known }: { readonly known: RestoreFacts }) => known),
  },
});
