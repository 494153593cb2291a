// The states of one member in one restore attempt, as its agent sees them: a pure state chart. A member that is
// restored stands frozen and held until the outcome is known; whatever goes wrong before kills what there is.
import { assign, setup } from 'xstate';
import { chartWords, type ChartEvent } from './chart.ts';
import { failures } from './failures.ts';
import type { MemberDeadline } from './member-events.ts';
import type { MemberRestoreAction } from './member-restore-effects.ts';
import type {
  MemberRestoreEvent,
  MemberRestoreInput,
  MemberRestoreStep,
  MemberRestoreStepName,
} from './member-restore-events.ts';
import * as facts from './member-restore-facts.ts';
import type { MemberRestoreFacts } from './member-restore-facts.ts';
import type { RestoreCommand } from './restore-messages.ts';
import { invariant } from './step.ts';

const { say, sayFrom, learn, learnFrom, knows, brings } = chartWords<
  MemberRestoreFacts,
  MemberRestoreEvent,
  MemberRestoreAction
>();

const persist = say(() => [{ kind: 'Persist' }]);
const report = say(({ reports }) => (reports.length === 0 ? [] : [{ kind: 'Report', reports }]));
const setDeadMan = say(({ deadManMs }) => [{ kind: 'SetDeadline', name: 'deadMan', afterMs: deadManMs }]);
const clear = (name: MemberDeadline) => say(() => [{ kind: 'ClearDeadline', name }]);
const stopStep = learn((known) => ({ ...known, running: null }));

const expired = (name: MemberDeadline) => brings('DeadlineExpired', (event) => event.name === name);

const run = (make: (known: MemberRestoreFacts) => MemberRestoreStep) =>
  [
    learn((known) => facts.startStep(known, make(known))),
    say(({ running }) => (running === null ? [] : [{ kind: 'Run', ...running }])),
  ] as const;

/** The attempt goes on after this step: nobody has given up. */
const goesOn = (step: MemberRestoreStepName, order?: RestoreCommand['kind']) =>
  knows(
    (known) =>
      !known.burned && facts.isDone(known, step) && (order === undefined || facts.isOrdered(known, order)),
  );

const refuse = {
  guard: brings('CommandReceived', ({ command }, known) => facts.refusal(known, command) !== null),
  actions: sayFrom('CommandReceived', (known, { command }) => [
    { kind: 'Refused', command: command.kind, reason: facts.refusal(known, command) ?? '' },
  ]),
} as const;
/** A command that counts. A new leader's fence is kept before anything is done in its name. */
const hear = [
  sayFrom('CommandReceived', ({ header }, { command }) =>
    command.fence > header.fence ? [{ kind: 'Persist' }] : [],
  ),
  learnFrom('CommandReceived', facts.foldCommand),
] as const;

/** Results that a restarted agent must know of. */
const durable: ReadonlySet<MemberRestoreStepName> = new Set<MemberRestoreStepName>([
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

export const memberRestoreChart = setup({
  types,
  actions: {
    say: (_moment, _params: { readonly effects: readonly MemberRestoreAction[] }) => undefined,
    learn: assign((_moment, { known }: { readonly known: MemberRestoreFacts }) => known),
  },
}).createMachine({
  id: 'memberRestore',
  context: ({ input }) => facts.startMemberRestoreFacts(input),
  initial: 'attempt',
  on: {
    CommandReceived: [refuse, { actions: [...hear, report] }],
    StepDone: {
      guard: brings('StepDone', (result, known) => facts.answersStep(known, result)),
      actions: [
        learnFrom('StepDone', facts.foldDone),
        sayFrom('StepDone', (_known, { step }) => (durable.has(step) ? [{ kind: 'Persist' }] : [])),
        report,
      ],
    },
    StepFailed: {
      guard: brings('StepFailed', (failed, known) => facts.answersStep(known, failed)),
      actions: [learnFrom('StepFailed', facts.foldFailed), report],
    },
  },
  states: {
    attempt: {
      initial: 'idle',
      always: { guard: knows((known) => known.burned && facts.isIdle(known)), target: 'abandon' },
      on: {
        // A later incarnation fences this one: no outcome of this one can matter any more.
        Superseded: { actions: learn((known) => ({ ...known, burned: true })) },
      },
      states: {
        idle: {
          always: [
            { guard: knows((known) => facts.isOrdered(known, 'RestorePreflight')), target: 'coming' },
            {
              guard: knows((known) => facts.isForgotten(known) && !known.burned),
              actions: [
                learn((known) => facts.giveUp(known, failures.agentRestarted(known.member, 'preflight'))),
                report,
              ],
            },
          ],
        },

        // Nothing runs yet; what goes wrong is this agent's to clear away.
        coming: {
          initial: 'preflight',
          on: {
            Restarted: {
              actions: [
                stopStep,
                learn((known) =>
                  facts.giveUp(known, failures.agentRestarted(known.member, facts.phaseOf(known))),
                ),
                report,
              ],
            },
          },
          states: {
            preflight: {
              entry: run(({ members }) => ({ step: 'preflight', members })),
              always: { guard: goesOn('preflight', 'Prepare'), target: 'prepare' },
            },
            prepare: {
              entry: [persist, ...run(({ members }) => ({ step: 'prepare', members }))],
              always: { guard: goesOn('prepare', 'Restore'), target: 'restore' },
            },
            restore: {
              entry: [persist, setDeadMan, ...run(({ holdId }) => ({ step: 'restore', holdId }))],
              exit: clear('deadMan'),
              on: {
                CommandReceived: [refuse, { actions: [...hear, setDeadMan, report] }],
                DeadlineExpired: {
                  guard: expired('deadMan'),
                  actions: [
                    learn((known) =>
                      facts.giveUp(known, failures.deadMan(known.member, 'restore', known.deadManMs)),
                    ),
                    persist,
                    report,
                  ],
                },
              },
              always: { guard: goesOn('restore'), target: '#restored' },
            },
          },
        },

        // Frozen and held, and said so. Only the outcome lifts it or has it killed.
        restored: {
          id: 'restored',
          initial: 'waiting',
          entry: setDeadMan,
          exit: clear('deadMan'),
          always: { guard: knows((known) => !known.burned && known.outcome === 'go'), target: 'lift' },
          on: {
            CommandReceived: [refuse, { actions: [...hear, setDeadMan, report] }],
            OutcomeRead: {
              guard: brings('OutcomeRead', ({ outcome }) => outcome === 'go' || outcome === 'abandon'),
              actions: [
                learnFrom('OutcomeRead', (known, { outcome }) =>
                  outcome === 'go' || outcome === 'abandon' ? facts.foldOutcome(known, outcome) : known,
                ),
                report,
              ],
            },
            MemberDied: {
              actions: [
                learnFrom('MemberDied', (known, { reason }) =>
                  facts.reportOnce(known, failures.memberDied(known.member, 'restored', reason)),
                ),
                report,
              ],
            },
            Restarted: {
              actions: [say(() => [{ kind: 'ReadOutcome' }]), setDeadMan, report],
              target: '.waiting',
            },
          },
          states: {
            waiting: { on: { DeadlineExpired: { guard: expired('deadMan'), target: 'doubt' } } },
            // Nobody is heard: give up, if the ledger lets us. While it is silent the member stays frozen.
            doubt: {
              entry: say(({ member, limits }) => [
                { kind: 'TryAbandon', reason: `member ${member} waited for the outcome and heard nobody` },
                { kind: 'SetDeadline', name: 'doubt', afterMs: limits.doubtRetryMs },
              ]),
              exit: clear('doubt'),
              on: {
                CommandReceived: [refuse, { actions: [...hear, setDeadMan, report], target: 'waiting' }],
                OutcomeRead: {
                  guard: brings('OutcomeRead', ({ outcome }) => outcome === 'unavailable'),
                  actions: [learn(facts.reportDoubt), report],
                },
                DeadlineExpired: { guard: expired('doubt'), target: 'doubt', reenter: true },
              },
            },
          },
        },

        lift: {
          entry: [
            persist,
            ...run((known) => {
              invariant(known.outcome === 'go', 'nothing is lifted before `go`');
              return { step: 'lift', holdId: known.holdId };
            }),
          ],
          on: { Restarted: { actions: stopStep, target: 'lift', reenter: true } },
          always: [
            { guard: goesOn('lift'), target: 'verify' },
            { guard: knows((known) => !known.burned && facts.isIdle(known)), target: 'liftFailed' },
          ],
        },
        // Others of the gang may run already: try again, until the coordinator ends it.
        liftFailed: {
          entry: say(({ limits }) => [{ kind: 'SetDeadline', name: 'retry', afterMs: limits.stepRetryMs }]),
          exit: clear('retry'),
          on: { DeadlineExpired: { guard: expired('retry'), target: 'lift' }, Restarted: { target: 'lift' } },
        },
        verify: {
          entry: run(() => ({ step: 'verify' })),
          on: { Restarted: { actions: stopStep, target: 'verify', reenter: true } },
          always: { guard: knows((known) => !known.burned && facts.isIdle(known)), target: 'over' },
        },
        /** It runs, or its failure was said: the coordinator ends what does not run. */
        over: { on: { Restarted: { actions: report } } },
      },
    },

    abandon: {
      entry: [persist, ...run(({ holdId }) => ({ step: 'abandon', holdId }))],
      on: { Restarted: { actions: stopStep, target: 'abandon', reenter: true } },
      always: [
        { guard: knows((known) => facts.isDone(known, 'abandon')), target: 'gone' },
        { guard: knows(facts.isIdle), target: 'abandonFailed' },
      ],
    },
    abandonFailed: {
      entry: say(({ limits }) => [{ kind: 'SetDeadline', name: 'retry', afterMs: limits.stepRetryMs }]),
      exit: clear('retry'),
      on: {
        DeadlineExpired: { guard: expired('retry'), target: 'abandon' },
        Restarted: { target: 'abandon' },
      },
    },
    gone: {},
  },
});
