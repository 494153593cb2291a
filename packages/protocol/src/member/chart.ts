// The states of one member in one epoch, as its agent sees them: a pure state chart. What may happen is asked of the
// facts (facts.ts); steps run one at a time, and whatever gives the epoch up waits for the one under way.
import { failures } from '../failures.ts';
import { invariant } from '../step.ts';
import { after } from './after.ts';
import { cut } from './cut.ts';
import * as facts from './facts.ts';
import * as fold from './fold.ts';
import {
  brings,
  durable,
  goesOn,
  hear,
  knows,
  learn,
  learnFrom,
  memberSetup,
  refuse,
  report,
  retry,
  run,
  sayFrom,
} from './words.ts';

export const memberChart = memberSetup.createMachine({
  id: 'memberEpoch',
  context: ({ input }) => facts.startMemberFacts(input),
  initial: 'before',
  on: {
    CommandReceived: [refuse, { actions: [...hear, report] }],
    StepDone: {
      guard: brings('StepDone', (result, known) => fold.answersStep(known, result)),
      actions: [
        learnFrom('StepDone', fold.foldDone),
        sayFrom('StepDone', (_known, { step }) => (durable.has(step) ? [{ kind: 'Persist' }] : [])),
        report,
      ],
    },
    StepFailed: {
      guard: brings('StepFailed', (failed, known) => fold.answersStep(known, failed)),
      actions: [learnFrom('StepFailed', fold.foldFailed), report],
    },
    PersistFailed: { actions: [learnFrom('PersistFailed', fold.foldPersistFailed), report] },
  },
  states: {
    // The member runs, and nothing of it is touched.
    before: {
      initial: 'idle',
      always: { guard: knows((known) => known.burned && facts.isIdle(known)), target: 'after' },
      on: {
        MemberDied: {
          actions: [
            learnFrom('MemberDied', (known, { reason }) =>
              fold.giveUp(known, failures.memberDied(known.member, facts.phaseOf(known), reason)),
            ),
            report,
          ],
        },
      },
      states: {
        idle: {
          always: [
            {
              guard: knows((known) => facts.isOrdered(known, 'Preflight') && !known.burned),
              target: 'preflight',
            },
            {
              guard: knows((known) => facts.isForgotten(known) && !known.burned),
              actions: [
                learn((known) => fold.giveUp(known, failures.agentRestarted(known.member, 'preflight'))),
                report,
              ],
            },
          ],
        },
        preflight: {
          entry: run(({ outside, files }) => ({ step: 'preflight', outside, files })),
          always: { guard: goesOn('preflight', 'Freeze'), target: '#cut' },
        },
      },
    },

    cut,

    // Lift and thaw: by the rules, or because the epoch was given up.
    release: {
      id: 'release',
      entry: run((known) => {
        invariant(known.burned || facts.mayRelease(known), 'nobody is released before all have noted');
        invariant(!facts.isBound(known) || known.decision === 'abort', 'after a stop vote only abort thaws');
        return { step: 'release', holdId: known.holdId };
      }),
      on: {
        Restarted: {
          actions: learn((known) => ({ ...known, running: null })),
          target: 'release',
          reenter: true,
        },
      },
      always: [
        { guard: knows((known) => facts.isIdle(known) && known.free), target: 'after' },
        { guard: knows(facts.isIdle), target: 'releaseFailed' },
      ],
    },
    releaseFailed: retry('release'),

    // *stop*, committed: every process dies frozen, and the hold is never lifted.
    kill: {
      id: 'kill',
      entry: run((known) => {
        invariant(facts.isBound(known) && known.decision === 'commit', 'only a stop commit kills');
        return { step: 'kill', holdId: known.holdId };
      }),
      on: {
        Restarted: {
          actions: learn((known) => ({ ...known, running: null })),
          target: 'kill',
          reenter: true,
        },
      },
      always: [
        { guard: knows((known) => facts.isIdle(known) && facts.isDone(known, 'kill')), target: 'after' },
        { guard: knows(facts.isIdle), target: 'killFailed' },
      ],
    },
    killFailed: retry('kill'),

    after,
  },
});
