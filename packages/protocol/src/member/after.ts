// After the cut: what is left is done in order, one at a time. Pure.
import { invariant } from '../step.ts';
import * as facts from './facts.ts';
import { job, knows, learn, memberSetup, report } from './words.ts';

/** The member runs, or is killed; its sockets, images and staging are looked after. */
export const after = memberSetup.createStateConfig({
  initial: 'idle',
  on: {
    Restarted: { actions: [learn((known) => ({ ...known, running: null })), report], target: '.idle' },
  },
  states: {
    idle: {
      always: [
        { guard: knows((known) => known.surveyRound > known.surveysDone), target: 'survey' },
        {
          guard: knows((known) => facts.isOrdered(known, 'Settle') && !facts.isDone(known, 'settle')),
          target: 'settle',
        },
        { guard: knows(facts.mayPersist), target: 'persist' },
        { guard: knows(facts.mayForget), target: 'forget' },
      ],
    },
    survey: job(({ surveyRound }) => {
      invariant(surveyRound !== 0, 'a survey was ordered');
      return { step: 'survey', round: surveyRound };
    }),
    settle: job(({ halfDead }) => ({ step: 'settle', halfDead })),
    persist: job(() => ({ step: 'persist' })),
    forget: job(() => ({ step: 'forget' })),
  },
});
