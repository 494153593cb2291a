// The cut of one member: frozen, held, dumped, its vote out. Whatever gives it up waits for the step under way. Pure.
import { failures } from '../failures.ts';
import { invariant } from '../step.ts';
import * as facts from './facts.ts';
import * as fold from './fold.ts';
import { voted } from './voted.ts';
import {
  clear,
  expired,
  goesOn,
  hear,
  knows,
  learn,
  learnFrom,
  memberSetup,
  persist,
  refuse,
  report,
  run,
  setDeadMan,
} from './words.ts';

/** The member is frozen, or about to be. Every command that is heard puts the dead-man's moment off. */
export const cut = memberSetup.createStateConfig({
  id: 'cut',
  initial: 'freeze',
  entry: [learn((known) => ({ ...known, free: false })), setDeadMan],
  exit: clear('deadMan'),
  always: { guard: knows((known) => known.burned && facts.isIdle(known)), target: 'release' },
  on: {
    CommandReceived: [refuse, { actions: [...hear, setDeadMan, report] }],
    DeadlineExpired: {
      guard: expired('deadMan', (known) => !facts.isBound(known)),
      actions: [
        learn((known) =>
          fold.giveUp(known, failures.deadMan(known.member, facts.phaseOf(known), known.deadManMs)),
        ),
        report,
      ],
    },
    MemberDied: {
      guard: knows((known) => !facts.hasVoted(known)),
      actions: [
        learnFrom('MemberDied', (known, { reason }) =>
          fold.giveUp(known, failures.memberDied(known.member, facts.phaseOf(known), reason)),
        ),
        report,
      ],
    },
    Restarted: {
      actions: [
        learn((known) =>
          fold.giveUp(
            { ...known, running: null },
            failures.agentRestarted(known.member, facts.phaseOf(known)),
          ),
        ),
        report,
      ],
    },
    Superseded: {
      actions: [
        learn((known) => fold.giveUp(known, failures.superseded(known.member, facts.phaseOf(known)))),
        report,
      ],
    },
  },
  states: {
    freeze: {
      entry: [persist, ...run(() => ({ step: 'freeze' }))],
      always: { guard: goesOn('freeze', 'Hold'), target: 'hold' },
    },
    hold: {
      entry: [persist, ...run(({ holdId }) => ({ step: 'hold', holdId }))],
      always: { guard: goesOn('hold', 'Dump'), target: 'note' },
    },
    note: {
      entry: run(() => ({ step: 'note' })),
      always: { guard: goesOn('note'), target: 'dump' },
    },
    dump: {
      entry: run((known) => {
        invariant(facts.isOrdered(known, 'Dump'), 'nobody dumps before all are held');
        return { step: 'dump', outside: known.outside, files: known.files };
      }),
      always: { guard: goesOn('dump'), target: 'check' },
    },
    check: {
      entry: run(({ holdId }) => ({ step: 'check', holdId })),
      always: { guard: goesOn('check'), target: 'voted' },
    },
    voted,
  },
});
