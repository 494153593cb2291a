// The phases of a restore attempt as the coordinator sees them: a pure state chart. All or nothing: holds are lifted
// only after `go`, and one failure kills the whole attempt.
import { failures } from '../failures.ts';
import * as facts from './facts.ts';
import { abandoning, decide, ending, giveUp, live } from './outcome.ts';
import {
  begin,
  done,
  end,
  enter,
  expired,
  failOverdue,
  isGood,
  knows,
  learn,
  learnFrom,
  leave,
  reached,
  restoreSetup,
  say,
  sayFrom,
} from './words.ts';

const failRequested = {
  actions: learnFrom('AbandonRequested', (known, { reason }) =>
    facts.fail(known, failures.requested(known.phase, reason)),
  ),
} as const;
const refusedBecause = {
  actions: learnFrom('IncarnationRefused', (known, { reason }) =>
    facts.fail(known, failures.incarnationRefused(reason)),
  ),
  target: 'refuse',
} as const;

export const restoreChart = restoreSetup.createMachine({
  id: 'restoreAttempt',
  context: ({ input: { found, ...input } }) => ({
    ...facts.startRestoreFacts(input),
    goPossible: found !== 'new' && found !== 'abandon',
    outcome: found === 'go' || found === 'abandon' ? found : null,
    failure: found === 'undecided' || found === 'abandon' ? failures.leaderChanged() : null,
  }),
  initial: 'begin',
  on: {
    ReplyReceived: {
      actions: [
        sayFrom('ReplyReceived', (_known, { reply }) => facts.recordDoubts(reply)),
        learnFrom('ReplyReceived', facts.foldReply),
      ],
    },
    NodeLost: { actions: learnFrom('NodeLost', facts.foldNodeLost) },
    Tick: { actions: say(facts.resend) },
  },
  states: {
    begin: {
      always: [
        { guard: knows(({ outcome }) => outcome === 'go'), target: 'live' },
        { guard: knows(({ outcome }) => outcome === 'abandon'), target: 'abandoning' },
        { guard: knows(({ goPossible }) => goPossible), target: 'giveUp' },
        { target: 'preflight' },
      ],
    },

    // Nothing is changed anywhere before this has passed.
    preflight: {
      entry: enter('preflight', facts.preflightOrder, 'RestoreReady'),
      exit: leave('preflight'),
      on: {
        DeadlineExpired: failOverdue('preflight'),
        AbandonRequested: failRequested,
      },
      always: [
        { guard: knows((known) => !isGood(known)), target: 'refuse' },
        {
          guard: knows((known) => facts.allReached(known, 'RestoreReady') && known.blockers.length === 0),
          target: 'clear',
        },
        { guard: done('RestoreReady'), actions: learn(facts.foldBlockers), target: 'refuse' },
      ],
    },
    // The incarnation before ends, also if the attempt is refused then. No deadline of ours: who clears bounds it.
    clear: {
      entry: [
        learn((known) => ({ ...known, phase: 'clear', order: null, awaited: null })),
        say(() => [facts.record({ kind: 'PhaseEntered', phase: 'clear' }), { kind: 'ClearWay' }]),
      ],
      on: {
        AbandonRequested: failRequested,
        WayCleared: [{ guard: knows(isGood), target: 'open' }, { target: 'refuse' }],
        IncarnationRefused: refusedBecause,
      },
    },
    open: {
      entry: [...begin('open'), say(() => [{ kind: 'OpenIncarnation' }])],
      exit: leave('open'),
      on: {
        AbandonRequested: failRequested,
        IncarnationOpened: [{ guard: knows(isGood), target: 'frozen' }, { target: 'giveUp' }],
        IncarnationRefused: refusedBecause,
        Tick: { actions: say(() => [{ kind: 'OpenIncarnation' }]) },
        DeadlineExpired: { guard: expired('open'), target: 'silent' },
      },
    },
    // Agents may have made room for it.
    refuse: {
      entry: [learn((known) => ({ ...known, order: facts.abandonOrder(known) })), say(facts.sendOrder)],
      always: { target: 'refused' },
    },

    // The members come back, but none runs. Whatever goes wrong here kills them all.
    frozen: {
      initial: 'prepare',
      always: { guard: knows((known) => !isGood(known)), target: 'giveUp' },
      on: {
        AbandonRequested: failRequested,
      },
      states: {
        prepare: {
          entry: enter('prepare', () => ({ kind: 'Prepare' }), 'Prepared'),
          exit: leave('prepare'),
          on: { DeadlineExpired: failOverdue('prepare') },
          always: { guard: reached('Prepared'), target: 'restore' },
        },
        restore: {
          entry: enter(
            'restore',
            ({ limits }) => ({ kind: 'Restore', deadManMs: limits.deadManMs }),
            'Restored',
          ),
          exit: leave('restore'),
          on: { DeadlineExpired: failOverdue('restore') },
          always: { guard: reached('Restored'), target: '#decide' },
        },
      },
    },

    decide,

    live,
    ending,

    giveUp,
    abandoning,
    silent: {
      entry: learn((known) => facts.fail(known, failures.ledgerSilent(known.phase))),
      always: { target: 'undecided' },
    },

    running: { id: 'running', ...end('running') },
    refused: end('refused'),
    abandoned: end('abandoned'),
    ended: end('ended'),
    unproved: end('unproved'),
    undecided: end('undecided'),
  },
});
