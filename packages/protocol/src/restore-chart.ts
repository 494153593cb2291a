// The phases of a restore attempt as the coordinator sees them: a pure state chart. All or nothing: holds are lifted
// only after `go`, and one failure kills the whole attempt.
import { assign, setup } from 'xstate';
import { chartWords, type ChartEvent } from './chart.ts';
import { failures } from './failures.ts';
import type {
  RestoreDeadline,
  RestoreEffect,
  RestoreEvent,
  RestoreInput,
  RestoreResult,
} from './restore-events.ts';
import * as facts from './restore-facts.ts';
import type { RestoreFacts, RestoreStep } from './restore-facts.ts';
import type { RestoreOrder, RestoreOutcome } from './restore-messages.ts';
import { invariant } from './step.ts';

/** How an attempt is taken up: anew, or by a successor, who found it open with this in the ledger. */
export interface RestoreChartInput extends RestoreInput {
  readonly found: 'new' | 'undecided' | RestoreOutcome;
}

const { say, sayFrom, learn, learnFrom, knows, brings } = chartWords<
  RestoreFacts,
  RestoreEvent,
  RestoreEffect
>();

const isGood = ({ failure }: RestoreFacts): boolean => failure === null;
const reached = (step: RestoreStep) => knows((known) => isGood(known) && facts.allReached(known, step));
const done = (step: RestoreStep) => knows((known) => facts.allReached(known, step));
const expired = (name: RestoreDeadline, fits: (known: RestoreFacts) => boolean = () => true) =>
  brings('DeadlineExpired', (event, known) => event.name === name && fits(known));

/** Entering a phase: its name and its deadline. */
const begin = (phase: RestoreDeadline) =>
  [
    learn((known) => ({ ...known, phase, order: null, awaited: null })),
    say((known) => [facts.record({ kind: 'PhaseEntered', phase }), facts.setDeadline(known, phase)]),
  ] as const;
/** A phase with an order to all nodes. */
const enter = (phase: RestoreDeadline, order: (known: RestoreFacts) => RestoreOrder, awaited: RestoreStep) =>
  [
    ...begin(phase),
    learn((known) => ({ ...known, order: order(known), awaited })),
    say(facts.sendOrder),
  ] as const;
const leave = (phase: RestoreDeadline) => say(() => [{ kind: 'ClearDeadline', name: phase }]);
const failOverdue = (phase: RestoreDeadline) =>
  ({ guard: expired(phase), actions: learn((known) => facts.foldOverdue(known, phase)) }) as const;
const writeOutcome = (outcome: RestoreOutcome) => say((known) => [facts.writeOutcome(known, outcome)]);

const end = (result: RestoreResult) =>
  ({
    type: 'final',
    entry: [
      learn((known) => ({ ...known, phase: result, order: null, awaited: null })),
      say((known) => [
        facts.record({ kind: 'PhaseEntered', phase: result }),
        { kind: 'Finish', result, failure: known.failure, warnings: known.warnings },
      ]),
    ],
  }) as const;

const foundGo = (known: RestoreFacts): RestoreFacts => {
  invariant(known.goPossible, '`go` is never in the ledger before it was written');
  return { ...known, outcome: 'go', failure: null };
};
const foundAbandon = (known: RestoreFacts): RestoreFacts =>
  facts.fail({ ...known, outcome: 'abandon' }, failures.decidedElsewhere(known.phase));

const types = {} as { context: RestoreFacts; events: ChartEvent<RestoreEvent>; input: RestoreChartInput };

export const restoreChart = setup({
  types,
  actions: {
    say: (_moment, _params: { readonly effects: readonly RestoreEffect[] }) => undefined,
    learn: assign((_moment, { known }: { readonly known: RestoreFacts }) => known),
  },
}).createMachine({
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

    // Nothing is changed anywhere before the incarnation is open.
    preflight: {
      entry: enter('preflight', facts.preflightOrder, 'RestoreReady'),
      exit: leave('preflight'),
      on: {
        DeadlineExpired: failOverdue('preflight'),
        AbandonRequested: {
          actions: learnFrom('AbandonRequested', (known, { reason }) =>
            facts.fail(known, failures.requested(known.phase, reason)),
          ),
        },
      },
      always: [
        { guard: knows((known) => !isGood(known)), target: 'refuse' },
        {
          guard: knows((known) => facts.allReached(known, 'RestoreReady') && known.blockers.length === 0),
          target: 'open',
        },
        { guard: done('RestoreReady'), actions: learn(facts.foldBlockers), target: 'refuse' },
      ],
    },
    open: {
      entry: [...begin('open'), say(() => [{ kind: 'OpenIncarnation' }])],
      exit: leave('open'),
      on: {
        IncarnationOpened: { target: 'frozen' },
        IncarnationRefused: {
          actions: learnFrom('IncarnationRefused', (known, { reason }) =>
            facts.fail(known, failures.incarnationRefused(reason)),
          ),
          target: 'refuse',
        },
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
        AbandonRequested: {
          actions: learnFrom('AbandonRequested', (known, { reason }) =>
            facts.fail(known, failures.requested(known.phase, reason)),
          ),
        },
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

    // All are restored. From here on only the ledger's word counts. The order stays in force: agents must hear.
    decide: {
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
    },

    // After `go`. A failure now ends the incarnation: all are killed, and that they are dead is written down.
    live: {
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
    },
    ending: {
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
    },

    // Giving up: the ledger first. While nobody can have written `go`, its silence stops nothing.
    giveUp: {
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
    },
    abandoning: {
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
    },
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
