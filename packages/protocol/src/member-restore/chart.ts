// The states of one member in one restore attempt, as its agent sees them: a pure state chart. A member that is
// restored stands frozen and held until the outcome is known; whatever goes wrong before kills what there is.
import { failures } from '../failures.ts';
import { invariant } from '../step.ts';
import * as facts from './facts.ts';
import { restored } from './restored.ts';
import {
  brings,
  clear,
  durable,
  expired,
  goesOn,
  hear,
  knows,
  learn,
  learnFrom,
  memberRestoreSetup,
  persist,
  refuse,
  report,
  run,
  say,
  sayFrom,
  setDeadMan,
  stopStep,
} from './words.ts';

export const memberRestoreChart = memberRestoreSetup.createMachine({
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
    PersistFailed: { actions: [learnFrom('PersistFailed', facts.foldPersistFailed), report] },
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
              entry: [persist, ...run(({ members, files }) => ({ step: 'prepare', members, files }))],
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
                    report,
                  ],
                },
              },
              always: { guard: goesOn('restore'), target: '#restored' },
            },
          },
        },

        restored,

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
      entry: run(({ holdId }) => ({ step: 'abandon', holdId })),
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
