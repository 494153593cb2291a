// A member that is restored, frozen and held, and has said so: only the outcome lifts it or has it killed. Pure.
import { failures } from '../failures.ts';
import * as facts from './facts.ts';
import {
  brings,
  clear,
  expired,
  hear,
  knows,
  learn,
  learnFrom,
  memberRestoreSetup,
  refuse,
  report,
  say,
  setDeadMan,
} from './words.ts';

/** It hears nobody → asks the ledger; while that is silent it stays frozen. */
export const restored = memberRestoreSetup.createStateConfig({
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
    // Deadlines may have been cleared by the step that did not happen.
    PersistFailed: { actions: setDeadMan, target: '.waiting' },
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
});
