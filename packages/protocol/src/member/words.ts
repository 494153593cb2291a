// The words in which the agent's chart of a member's epoch is written: guards, and what steps and orders do. Pure.
import { assign, setup } from 'xstate';
import { chartWords, type ChartEvent } from '../chart.ts';
import type { MemberAction } from './effects.ts';
import type { MemberDeadline, MemberEpochInput, MemberEvent, MemberStep, MemberStepName } from './events.ts';
import * as facts from './facts.ts';
import * as fold from './fold.ts';
import type { MemberFacts } from './facts.ts';
import type { EpochCommand } from '../messages.ts';

export const { say, sayFrom, learn, learnFrom, knows, brings } = chartWords<
  MemberFacts,
  MemberEvent,
  MemberAction
>();

export const persist = say(() => [{ kind: 'Persist' }]);
export const report = say(({ reports }) => (reports.length === 0 ? [] : [{ kind: 'Report', reports }]));
export const setDeadMan = say(({ deadManMs }) => [
  { kind: 'SetDeadline', name: 'deadMan', afterMs: deadManMs },
]);
export const clear = (name: MemberDeadline) => say(() => [{ kind: 'ClearDeadline', name }]);
export const readDecision = say(() => [{ kind: 'ReadDecision' }]);

export const expired = (name: MemberDeadline, fits: (known: MemberFacts) => boolean = () => true) =>
  brings('DeadlineExpired', (event, known) => event.name === name && fits(known));

/** Begins a step, after what must hold for it was asserted. */
export const run = (make: (known: MemberFacts) => MemberStep) =>
  [
    learn((known) => fold.startStep(known, make(known))),
    say(({ running }) => (running === null ? [] : [{ kind: 'Run', ...running }])),
  ] as const;

/** The cut goes on after this step: nobody has given up. */
export const goesOn = (step: MemberStepName, order?: EpochCommand['kind']) =>
  knows(
    (known) =>
      !known.burned && facts.isDone(known, step) && (order === undefined || facts.isOrdered(known, order)),
  );

export const refuse = {
  guard: brings('CommandReceived', ({ command }, known) => facts.refusal(known, command) !== null),
  actions: sayFrom('CommandReceived', (known, { command }) => [
    { kind: 'Refused', command: command.kind, reason: facts.refusal(known, command) ?? '' },
  ]),
} as const;
/** A command that counts. A new leader's fence is kept before anything is done in its name. */
export const hear = [
  sayFrom('CommandReceived', ({ header }, { command }) =>
    command.fence > header.fence ? [{ kind: 'Persist' }] : [],
  ),
  learnFrom('CommandReceived', fold.foldCommand),
] as const;

/** Results that a restarted agent must know of. */
export const durable: ReadonlySet<MemberStepName> = new Set<MemberStepName>([
  'check',
  'release',
  'kill',
  'persist',
  'forget',
]);

/** A release or a kill that failed is tried again: nothing is frozen for ever. */
export const retry = <Target extends string>(target: Target) =>
  ({
    entry: say(({ limits }) => [{ kind: 'SetDeadline', name: 'retry', afterMs: limits.stepRetryMs }]),
    exit: clear('retry'),
    on: { DeadlineExpired: { guard: expired('retry'), target }, Restarted: { target } },
  }) as const;

/** A job after the cut. Results are folded at the root. */
export const job = (make: (known: MemberFacts) => MemberStep) =>
  ({ entry: run(make), always: { guard: knows(facts.isIdle), target: 'idle' } }) as const;

const types = {} as { context: MemberFacts; events: ChartEvent<MemberEvent>; input: MemberEpochInput };

/** What all parts of the chart are typed by. */
export const memberSetup = setup({
  types,
  actions: {
    say: (_moment, _params: { readonly effects: readonly MemberAction[] }) => undefined,
    learn: assign((_moment, { known }: { readonly known: MemberFacts }) => known),
  },
});
