// The decision and what follows from it at once: release or kill after `commit`, release after `abort`. Pure.
import * as facts from './facts.ts';
import * as orders from './orders.ts';
import {
  done,
  enter,
  expired,
  gangSetup,
  goOnOverdue,
  isAborted,
  isDecided,
  knows,
  learn,
  learnFrom,
  leave,
  ledgerSays,
  say,
} from './words.ts';

/** Every vote is in and verified. From here on only the ledger's word counts. */
export const decide = gangSetup.createStateConfig({
  id: 'decide',
  entry: [
    learn((known) => ({ ...known, phase: 'decide', commitPossible: true })),
    say((known) => [
      orders.record({ kind: 'PhaseEntered', phase: 'decide' }),
      orders.setDeadline(known, 'decide'),
      orders.writeDecision(known, 'commit'),
    ]),
  ],
  exit: leave('decide'),
  on: {
    DecisionWritten: [
      { guard: ledgerSays('commit'), actions: learn(orders.foldCommit), target: 'committed' },
      { actions: learn(orders.foldAbort), target: 'aborting' },
    ],
    Tick: { actions: say((known) => [orders.writeDecision(known, 'commit'), ...orders.resend(known)]) },
    DeadlineExpired: { guard: expired('decide'), target: 'silent' },
  },
});

/** The way on depends on the outcome. */
export const committed = gangSetup.createStateConfig({
  entry: say(() => [orders.record({ kind: 'Committed' })]),
  always: [
    { guard: knows(({ outcome }) => outcome === 'stop'), target: 'kill' },
    {
      guard: done('Released'),
      actions: say((known) => orders.sendToAll(known, orders.decidedOrder(known))),
      target: 'settle',
    },
    { target: 'finishRelease' },
  ],
});

/** *resume*, committed by a predecessor: some may still be held. */
export const finishRelease = gangSetup.createStateConfig({
  entry: enter('release', orders.decidedOrder, 'Released'),
  exit: leave('release'),
  on: { DeadlineExpired: goOnOverdue('release', 'settle') },
  always: { guard: done('Released'), target: 'settle' },
});

/** *stop*, committed: every process dies frozen, and no hold is lifted. */
export const kill = gangSetup.createStateConfig({
  entry: enter('kill', orders.decidedOrder, 'Killed'),
  exit: leave('kill'),
  on: { DeadlineExpired: goOnOverdue('kill', 'beforePersist') },
  always: { guard: done('Killed'), target: 'beforePersist' },
});

/** Giving up: the ledger first. While nobody can have written `commit`, its silence stops nothing. */
export const giveUp = gangSetup.createStateConfig({
  entry: [
    learn((known) => ({ ...known, order: null, awaited: null })),
    say((known) => [
      ...orders.recordFailure(known),
      orders.setDeadline(known, 'decide'),
      orders.writeDecision(known, 'abort'),
    ]),
  ],
  exit: leave('decide'),
  on: {
    DecisionWritten: [
      { guard: ledgerSays('abort'), actions: learn(orders.foldAbort), target: 'aborting' },
      { actions: learn(orders.foldCommit), target: 'committed' },
    ],
    LedgerUnavailable: { guard: knows(({ commitPossible }) => !commitPossible), target: 'aborting' },
    Tick: { actions: say((known) => [orders.writeDecision(known, 'abort')]) },
    DeadlineExpired: [
      {
        guard: expired('decide', ({ commitPossible }) => !commitPossible),
        target: 'aborting',
      },
      { guard: expired('decide'), target: 'silent' },
    ],
  },
});

/** Every member is released, or its node is gone. */
export const aborting = gangSetup.createStateConfig({
  entry: enter('abort', orders.decidedOrder, 'Released'),
  exit: leave('abort'),
  on: {
    DecisionWritten: { actions: learnFrom('DecisionWritten', orders.foldDecision) },
    Tick: { actions: say(orders.resendAbort) },
    DeadlineExpired: [
      {
        guard: expired('abort', isDecided),
        actions: learn((known) => facts.warn(known, orders.overdueFailure(known, 'abort'))),
        target: 'afterAbort',
      },
      { guard: expired('abort'), target: 'silent' },
    ],
  },
  always: [
    {
      guard: knows((known) => isAborted(known) && facts.wasHeld(known)),
      target: 'settle',
    },
    { guard: knows(isAborted), target: 'afterAbort' },
  ],
});
