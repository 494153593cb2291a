// A member whose vote is out: under *resume* until all have noted, under *stop* until the decision is known. Pure.
import { failures } from '../failures.ts';
import * as facts from './facts.ts';
import * as fold from './fold.ts';
import {
  brings,
  clear,
  expired,
  hear,
  knows,
  learn,
  learnFrom,
  memberSetup,
  readDecision,
  refuse,
  report,
  say,
  setDeadMan,
} from './words.ts';

/** Under *stop* it hears nobody → asks the ledger; while that is silent it stays frozen. */
export const voted = memberSetup.createStateConfig({
  initial: 'waiting',
  always: [
    { guard: knows((known) => !known.burned && facts.mayRelease(known)), target: '#release' },
    { guard: knows((known) => facts.isBound(known) && known.decision === 'commit'), target: '#kill' },
  ],
  on: {
    // Only a committed epoch is persisted: the order that said so was lost.
    CommandReceived: {
      guard: brings(
        'CommandReceived',
        ({ command }, known) =>
          command.kind === 'Persist' && facts.isBound(known) && facts.refusal(known, command) === null,
      ),
      actions: [...hear, setDeadMan, report, readDecision],
    },
    DecisionRead: {
      guard: brings('DecisionRead', ({ decision }) => decision === 'commit' || decision === 'abort'),
      actions: [
        learnFrom('DecisionRead', (known, { decision }) =>
          decision === 'commit' || decision === 'abort' ? fold.foldDecision(known, decision) : known,
        ),
        report,
      ],
    },
    PersistFailed: {
      guard: knows(facts.isBound),
      actions: setDeadMan,
      target: '.waiting',
    },
    Restarted: [
      {
        guard: knows(facts.isBound),
        actions: [readDecision, setDeadMan, report],
        target: '.waiting',
      },
      {
        guard: brings('Restarted', ({ found }) => found.frozen && found.held),
        actions: [setDeadMan, report],
      },
      {
        actions: [learn((known) => fold.giveUp(known, failures.holdBroken(known.member, 'release'))), report],
      },
    ],
    Superseded: [
      { guard: knows(facts.isBound), actions: readDecision },
      {
        actions: [
          learn((known) => fold.giveUp(known, failures.superseded(known.member, facts.phaseOf(known)))),
          report,
        ],
      },
    ],
  },
  states: {
    waiting: {
      on: { DeadlineExpired: { guard: expired('deadMan', facts.isBound), target: 'doubt' } },
    },
    // Nobody is heard: give up, if the ledger lets us. While it is silent the member stays frozen.
    doubt: {
      entry: say(({ member, limits }) => [
        { kind: 'TryAbort', reason: `member ${member} waited for a decision and heard nobody` },
        { kind: 'SetDeadline', name: 'doubt', afterMs: limits.doubtRetryMs },
      ]),
      exit: clear('doubt'),
      on: {
        CommandReceived: [refuse, { actions: [...hear, setDeadMan, report], target: 'waiting' }],
        DecisionRead: {
          guard: brings('DecisionRead', ({ decision }) => decision === 'unavailable'),
          actions: [learn(fold.reportDoubt), report],
        },
        DeadlineExpired: { guard: expired('doubt'), target: 'doubt', reenter: true },
      },
    },
  },
});
