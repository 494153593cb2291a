// The outcome of a restore attempt and what follows from it: lifting after `go`, killing all after `abandon`. Pure.
import { invariant } from '../step.ts';
import * as facts from './facts.ts';
import {
  begin,
  brings,
  done,
  enter,
  expired,
  failOverdue,
  foundAbandon,
  foundGo,
  isGood,
  knows,
  learn,
  learnFrom,
  leave,
  reached,
  restoreSetup,
  say,
  writeOutcome,
} from './words.ts';

/** All are restored: only the ledger's word counts. The order stays in force: agents must hear. */
export const decide = restoreSetup.createStateConfig({
  id: 'decide',
  entry: [
    learn((known) => ({ ...known, phase: 'decide', goPossible: true })),
    say((known) => [
      facts.record({ kind: 'PhaseEntered', phase: 'decide' }),
      facts.setDeadline(known, 'decide'),
      facts.writeOutcome(known, 'go'),
    ]),
  ],
  exit: leave('decide'),
  on: {
    OutcomeWritten: [
      {
        guard: brings('OutcomeWritten', ({ outcome }) => outcome === 'go'),
        actions: learn(foundGo),
        target: 'live',
      },
      { actions: learn(foundAbandon), target: 'abandoning' },
    ],
    Tick: { actions: [writeOutcome('go'), say(facts.resend)] },
    DeadlineExpired: { guard: expired('decide'), target: 'silent' },
  },
});

/** After `go`. A failure now ends the incarnation. */
export const live = restoreSetup.createStateConfig({
  initial: 'lift',
  always: { guard: knows((known) => !isGood(known)), target: 'ending' },
  states: {
    lift: {
      entry: enter('lift', () => ({ kind: 'Lift' }), 'Lifted'),
      exit: leave('lift'),
      on: { DeadlineExpired: failOverdue('lift') },
      always: { guard: reached('Lifted'), target: 'verify' },
    },
    verify: {
      // The members have had their order: to lift and to see that it runs.
      entry: [
        ...begin('verify'),
        learn((known) => ({ ...known, order: { kind: 'Lift' }, awaited: 'Running' })),
      ],
      exit: leave('verify'),
      on: { DeadlineExpired: failOverdue('verify') },
      always: { guard: reached('Running'), target: '#running' },
    },
  },
});

/** All are killed, and that they are dead is written down. */
export const ending = restoreSetup.createStateConfig({
  entry: [say(facts.recordFailure), ...enter('end', facts.abandonOrder, 'Abandoned')],
  exit: leave('end'),
  on: {
    EndedWritten: { target: 'ended' },
    DeadlineExpired: {
      guard: expired('end'),
      actions: learn((known) => facts.warnOverdue(known, 'end')),
      target: 'unproved',
    },
  },
  initial: 'killing',
  states: {
    killing: { always: { guard: done('Abandoned'), target: 'dead' } },
    dead: {
      entry: say(() => [{ kind: 'WriteEnded' }]),
      on: { Tick: { actions: say(() => [{ kind: 'WriteEnded' }]) } },
    },
  },
});

/** Giving up: the ledger first. While nobody can have written `go`, its silence stops nothing. */
export const giveUp = restoreSetup.createStateConfig({
  entry: [
    learn((known) => ({ ...known, order: null, awaited: null })),
    say((known) => [...facts.recordFailure(known), facts.setDeadline(known, 'decide')]),
    writeOutcome('abandon'),
  ],
  exit: leave('decide'),
  on: {
    OutcomeWritten: [
      {
        guard: brings('OutcomeWritten', ({ outcome }) => outcome === 'abandon'),
        actions: learn(foundAbandon),
        target: 'abandoning',
      },
      { actions: learn(foundGo), target: 'live' },
    ],
    LedgerUnavailable: { guard: knows(({ goPossible }) => !goPossible), target: 'abandoning' },
    Tick: { actions: writeOutcome('abandon') },
    DeadlineExpired: [
      { guard: expired('decide', ({ goPossible }) => !goPossible), target: 'abandoning' },
      { guard: expired('decide'), target: 'silent' },
    ],
  },
});

/** What there is of the attempt is killed. */
export const abandoning = restoreSetup.createStateConfig({
  entry: enter('abandon', facts.abandonOrder, 'Abandoned'),
  exit: leave('abandon'),
  on: {
    OutcomeWritten: {
      actions: learnFrom('OutcomeWritten', (known, { outcome }) => {
        invariant(outcome === 'abandon', 'an attempt that was given up never goes');
        return { ...known, outcome };
      }),
    },
    Tick: {
      actions: say((known) => [
        ...(known.outcome === null ? [facts.writeOutcome(known, 'abandon')] : []),
        ...facts.resend(known),
      ]),
    },
    DeadlineExpired: [
      {
        guard: expired('abandon', ({ outcome }) => outcome !== null),
        actions: learn((known) => facts.warnOverdue(known, 'abandon')),
        target: 'abandoned',
      },
      { guard: expired('abandon'), target: 'silent' },
    ],
  },
  always: {
    guard: knows((known) => known.outcome !== null && facts.allReached(known, 'Abandoned')),
    target: 'abandoned',
  },
});
