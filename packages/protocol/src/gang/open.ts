// Before the decision: from preflight to the last vote. Whatever goes wrong here gives the epoch up, and the
// members run on. Pure.
import { failures } from '../failures.ts';
import * as facts from './facts.ts';
import * as fold from './fold.ts';
import { foldHookBudget, hooksThen } from './hooks.ts';
import * as orders from './orders.ts';
import {
  done,
  enter,
  expired,
  failOverdue,
  gangSetup,
  isGood,
  knows,
  learn,
  learnFrom,
  leave,
  reached,
  say,
} from './words.ts';

/** All phases in which `commit` cannot have been written yet. */
export const open = gangSetup.createStateConfig({
  initial: 'start',
  always: { guard: knows((known) => !isGood(known)), target: 'giveUp' },
  on: {
    AbortRequested: {
      actions: learnFrom('AbortRequested', (known, { reason }) =>
        facts.fail(known, failures.requested(known.phase, reason)),
      ),
    },
    MemberLost: { actions: learnFrom('MemberLost', fold.failLoss) },
    NodeLost: { actions: learnFrom('NodeLost', fold.failLoss) },
  },
  states: {
    start: hooksThen('preflight', 'preflight'),
    preflight: {
      entry: enter('preflight', orders.preflightOrder, 'Ready'),
      exit: leave('preflight'),
      on: { DeadlineExpired: failOverdue('preflight') },
      always: [
        {
          guard: done('Ready'),
          actions: learn((known) => foldHookBudget(orders.foldBlockers(known))),
          target: 'quiesce',
        },
      ],
    },
    // Accelerators come to rest here; members that have none are at rest. What needs a member that runs is done now.
    quiesce: { always: { guard: knows(isGood), target: 'beforeFreeze' } },
    beforeFreeze: hooksThen('freeze', 'cut'),
    // From the first freeze to the last release: the hold's budget bounds all of it.
    cut: {
      initial: 'freeze',
      entry: say((known) => [orders.setDeadline(known, 'budget')]),
      exit: leave('budget'),
      on: { DeadlineExpired: { guard: expired('budget'), actions: learn(orders.foldOverBudget) } },
      states: {
        freeze: {
          entry: enter('freeze', orders.freezeOrder, 'Frozen'),
          exit: leave('freeze'),
          on: { DeadlineExpired: failOverdue('freeze') },
          always: { guard: reached('Frozen'), target: 'drain' },
        },
        // All are frozen: packets in flight, queues and FINs come to rest.
        drain: {
          entry: say((known) => [orders.setDeadline(known, 'drain')]),
          exit: leave('drain'),
          on: { DeadlineExpired: { guard: expired('drain'), target: 'beforeHold' } },
        },
        beforeHold: hooksThen('hold', 'hold'),
        hold: {
          entry: enter('hold', () => ({ kind: 'Hold' }), 'Held'),
          exit: leave('hold'),
          on: { DeadlineExpired: failOverdue('hold') },
          always: { guard: reached('Held'), target: 'beforeDump' },
        },
        beforeDump: hooksThen('dump', 'note'),
        // This instant is the cut. Dumps begin; nobody may be released before all have noted.
        note: {
          entry: enter('note', () => ({ kind: 'Dump' }), 'Noted'),
          exit: leave('note'),
          on: { DeadlineExpired: failOverdue('note') },
          always: { guard: reached('Noted'), target: 'dump' },
        },
        dump: {
          entry: enter('dump', orders.dumpOrder, 'Dumped'),
          exit: leave('dump'),
          on: { DeadlineExpired: failOverdue('dump') },
          always: { guard: reached('Dumped'), target: 'verify' },
        },
        verify: {
          entry: learn(orders.foldCut),
          always: { guard: knows(isGood), target: 'beforeRelease' },
        },
        beforeRelease: hooksThen('release', 'cutDone'),
        cutDone: {
          always: [
            { guard: knows(({ outcome }) => outcome === 'resume'), target: 'release' },
            { target: '#decide' },
          ],
        },
        // *resume*: `commit` waits for every release, so that none was earlier than the last note. The
        // members have had their order already.
        release: {
          entry: [
            learn((known) => orders.takeOrder(known, 'release', orders.dumpOrder(known), 'Released')),
            say((known) => [
              orders.record({ kind: 'PhaseEntered', phase: 'release' }),
              orders.setDeadline(known, 'release'),
            ]),
          ],
          exit: leave('release'),
          on: { DeadlineExpired: failOverdue('release') },
          always: { guard: reached('Released'), target: '#decide' },
        },
      },
    },
  },
});
