// The words in which the agent's chart of a member's restore is written: guards, and what steps and orders do. Pure.
import { assign, setup } from 'xstate';
import { chartWords, type ChartEvent } from '../chart.ts';
import type { MemberDeadline } from '../member/events.ts';
import type { MemberRestoreAction } from './effects.ts';
import type {
  MemberRestoreEvent,
  MemberRestoreInput,
  MemberRestoreStep,
  MemberRestoreStepName,
} from './events.ts';
import * as facts from './facts.ts';
import type { MemberRestoreFacts } from './facts.ts';
import type { RestoreCommand } from '../restore-messages.ts';

export const { say, sayFrom, learn, learnFrom, knows, brings } = chartWords<
  MemberRestoreFacts,
  MemberRestoreEvent,
  MemberRestoreAction
>();

export const persist = say(() => [{ kind: 'Persist' }]);
export const report = say(({ reports }) => (reports.length === 0 ? [] : [{ kind: 'Report', reports }]));
export const setDeadMan = say(({ deadManMs }) => [
  { kind: 'SetDeadline', name: 'deadMan', afterMs: deadManMs },
]);
export const clear = (name: MemberDeadline) => say(() => [{ kind: 'ClearDeadline', name }]);
export const stopStep = learn((known) => ({ ...known, running: null }));

export const expired = (name: MemberDeadline) => brings('DeadlineExpired', (event) => event.name === name);

export const run = (make: (known: MemberRestoreFacts) => MemberRestoreStep) =>
  [
    learn((known) => facts.startStep(known, make(known))),
    say(({ running }) => (running === null ? [] : [{ kind: 'Run', ...running }])),
  ] as const;

/** The attempt goes on after this step: nobody has given up. */
export const goesOn = (step: MemberRestoreStepName, order?: RestoreCommand['kind']) =>
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
  learnFrom('CommandReceived', facts.foldCommand),
] as const;

/** Results that a restarted agent must know of. */
export const durable: ReadonlySet<MemberRestoreStepName> = new Set<MemberRestoreStepName>([
  'restore',
  'lift',
  'verify',
  'abandon',
]);

const types = {} as {
  context: MemberRestoreFacts;
  events: ChartEvent<MemberRestoreEvent>;
  input: MemberRestoreInput;
};

/** What all parts of the chart are typed by. */
export const memberRestoreSetup = setup({
  types,
  actions: {
    say: (_moment, _params: { readonly effects: readonly MemberRestoreAction[] }) => undefined,
    learn: assign((_moment, { known }: { readonly known: MemberRestoreFacts }) => known),
  },
});
