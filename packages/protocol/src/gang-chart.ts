// The phases of an epoch as the coordinator sees them: a pure state chart. Events are folded into the facts
// first (gang-facts.ts); the chart then asks the facts where to go, and says what is to be done (gang-orders.ts).
import { assign, setup } from 'xstate';
import { chartWords, type ChartEvent } from './chart.ts';
import { failures } from './failures.ts';
import type { GangDeadline, GangEffect, GangEpochInput, GangEvent, GangResult } from './gang-events.ts';
import * as facts from './gang-facts.ts';
import type { GangFacts, GangStep } from './gang-facts.ts';
import * as orders from './gang-orders.ts';
import type { Decision, EpochOrder } from './messages.ts';

/** How an epoch is taken up: anew, or by a successor, who found this in the ledger. */
export interface GangChartInput extends GangEpochInput {
  readonly found: 'new' | 'undecided' | Decision;
}

const { say, sayFrom, learn, learnFrom, knows, brings } = chartWords<GangFacts, GangEvent, GangEffect>();

const isGood = (known: GangFacts): boolean => known.failure === null;
const isDecided = (known: GangFacts): boolean => known.decision !== null;
const isAborted = (known: GangFacts): boolean => isDecided(known) && facts.allReached(known, 'Released');
/** Every member has taken the step, and none has failed. */
const reached = (step: GangStep) => knows((known) => isGood(known) && facts.allReached(known, step));
/** Every member that still can has taken the step. */
const done = (step: GangStep) => knows((known) => facts.allReached(known, step));
const expired = (name: GangDeadline, fits: (known: GangFacts) => boolean = () => true) =>
  brings('DeadlineExpired', (event, known) => event.name === name && fits(known));
const ledgerSays = (decision: Decision) => brings('DecisionWritten', (event) => event.decision === decision);

/** An order that is in force from now on, to all nodes. */
const order = (phase: GangDeadline, make: (known: GangFacts) => EpochOrder, awaited: GangStep) =>
  [learn((known) => orders.takeOrder(known, phase, make(known), awaited)), say(orders.sendOrder)] as const;
/** Entering a phase: its name, its deadline, and its order. */
const enter = (phase: GangDeadline, make: (known: GangFacts) => EpochOrder, awaited: GangStep) =>
  [
    say((known) => [orders.record({ kind: 'PhaseEntered', phase }), orders.setDeadline(known, phase)]),
    ...order(phase, make, awaited),
  ] as const;
const leave = (phase: GangDeadline) => say(() => [orders.clearDeadline(phase)]);
/** A phase before the decision that is not over in time fails the epoch. */
const failOverdue = (phase: GangDeadline) =>
  ({ guard: expired(phase), actions: learn((known) => orders.foldOverdue(known, phase)) }) as const;
/** A phase whose outcome changes nothing any more: it is over when its time is. */
const goOnOverdue = <Target extends string>(phase: GangDeadline, target: Target) =>
  ({
    guard: expired(phase),
    target,
    actions: learn((known) => facts.warn(known, orders.overdueFailure(known, phase))),
  }) as const;

const end = (result: GangResult) =>
  ({
    type: 'final',
    entry: [
      learn((known) => ({ ...known, phase: result, order: null, awaited: null })),
      say((known) => [orders.record({ kind: 'PhaseEntered', phase: result }), orders.finish(known, result)]),
    ],
  }) as const;

const types = {} as { context: GangFacts; events: ChartEvent<GangEvent>; input: GangChartInput };

export const gangChart = setup({
  types,
  actions: {
    say: (_moment, _params: { readonly effects: readonly GangEffect[] }) => undefined,
    learn: assign((_moment, { known }: { readonly known: GangFacts }) => known),
  },
}).createMachine({
  id: 'gangEpoch',
  context: ({ input: { found, ...input } }) => ({
    ...facts.startFacts(input),
    commitPossible: found !== 'new',
    decision: found === 'commit' || found === 'abort' ? found : null,
    failure: found === 'undecided' || found === 'abort' ? failures.leaderChanged() : null,
  }),
  initial: 'begin',
  on: {
    ReplyReceived: {
      actions: [
        sayFrom('ReplyReceived', (_known, { reply }) => orders.recordDoubts(reply)),
        learnFrom('ReplyReceived', (known, { reply }) => facts.foldReply(known, reply)),
      ],
    },
    MemberLost: { actions: learnFrom('MemberLost', facts.foldLoss) },
    NodeLost: { actions: learnFrom('NodeLost', facts.foldLoss) },
    Tick: { actions: say(orders.resend) },
  },
  states: {
    begin: {
      always: [
        { guard: knows(({ decision }) => decision === 'commit'), target: 'committed' },
        { guard: knows(({ decision }) => decision === 'abort'), target: 'aborting' },
        { guard: knows(({ commitPossible }) => commitPossible), target: 'giveUp' },
        { target: 'open' },
      ],
    },

    // Before the decision. Whatever goes wrong here gives the epoch up, and the members run on.
    open: {
      initial: 'preflight',
      always: { guard: knows((known) => !isGood(known)), target: 'giveUp' },
      on: {
        AbortRequested: {
          actions: learnFrom('AbortRequested', (known, { reason }) =>
            facts.fail(known, failures.requested(known.phase, reason)),
          ),
        },
        MemberLost: { actions: learnFrom('MemberLost', facts.failLoss) },
        NodeLost: { actions: learnFrom('NodeLost', facts.failLoss) },
      },
      states: {
        preflight: {
          entry: enter('preflight', orders.preflightOrder, 'Ready'),
          exit: leave('preflight'),
          on: { DeadlineExpired: failOverdue('preflight') },
          always: [{ guard: done('Ready'), actions: learn(orders.foldBlockers), target: 'quiesce' }],
        },
        // Accelerators and hooks come to rest here; members that have none are at rest.
        quiesce: { always: { guard: knows(isGood), target: 'cut' } },
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
              on: { DeadlineExpired: { guard: expired('drain'), target: 'hold' } },
            },
            hold: {
              entry: enter('hold', () => ({ kind: 'Hold' }), 'Held'),
              exit: leave('hold'),
              on: { DeadlineExpired: failOverdue('hold') },
              always: { guard: reached('Held'), target: 'note' },
            },
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
              always: [
                { guard: knows((known) => isGood(known) && known.outcome === 'resume'), target: 'release' },
                { guard: knows(isGood), target: '#decide' },
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
    },

    // Every vote is in and verified. From here on only the ledger's word counts.
    decide: {
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
    },

    committed: {
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
    },
    // *resume*, committed by a predecessor: some may still be held.
    finishRelease: {
      entry: enter('release', orders.decidedOrder, 'Released'),
      exit: leave('release'),
      on: { DeadlineExpired: goOnOverdue('release', 'settle') },
      always: { guard: done('Released'), target: 'settle' },
    },
    // *stop*, committed: every process dies frozen, and no hold is lifted.
    kill: {
      entry: enter('kill', orders.decidedOrder, 'Killed'),
      exit: leave('kill'),
      on: { DeadlineExpired: goOnOverdue('kill', 'persist') },
      always: { guard: done('Killed'), target: 'persist' },
    },

    // Giving up: the ledger first. While nobody can have written `commit`, its silence stops nothing.
    giveUp: {
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
    },
    aborting: {
      entry: enter('abort', orders.decidedOrder, 'Released'),
      exit: leave('abort'),
      on: {
        DecisionWritten: { actions: learnFrom('DecisionWritten', orders.foldDecision) },
        Tick: { actions: say(orders.resendAbort) },
        DeadlineExpired: [
          {
            guard: expired('abort', isDecided),
            actions: learn((known) => facts.warn(known, orders.overdueFailure(known, 'abort'))),
            target: 'aborted',
          },
          { guard: expired('abort'), target: 'silent' },
        ],
      },
      always: [
        {
          guard: knows((known) => isAborted(known) && facts.wasHeld(known)),
          target: 'settle',
        },
        { guard: knows(isAborted), target: 'aborted' },
      ],
    },

    // Nobody is held any more: destroy connections whose other end is gone. Best effort.
    settle: {
      initial: 'survey',
      entry: say((known) => [orders.setDeadline(known, 'settle')]),
      exit: leave('settle'),
      on: { DeadlineExpired: goOnOverdue('settle', 'settled') },
      states: {
        survey: {
          entry: order('settle', orders.surveyOrder(1), 'Surveyed'),
          always: [
            {
              guard: knows((known) => facts.allReached(known, 'Surveyed') && orders.looksLonely(known)),
              target: 'gap',
            },
            { guard: done('Surveyed'), target: '#settled' },
          ],
        },
        gap: {
          entry: say((known) => [orders.setDeadline(known, 'surveyGap')]),
          exit: leave('surveyGap'),
          on: { DeadlineExpired: { guard: expired('surveyGap'), target: 'resurvey' } },
        },
        resurvey: {
          entry: order('settle', orders.surveyOrder(2), 'Resurveyed'),
          always: { guard: done('Resurveyed'), target: 'judge' },
        },
        judge: {
          entry: learn(orders.foldHalfDead),
          always: [
            { guard: knows(({ halfDead }) => halfDead.length > 0), target: 'destroy' },
            { target: '#settled' },
          ],
        },
        destroy: {
          entry: [say(orders.recordHalfDead), ...order('settle', orders.settleOrder, 'Settled')],
          always: { guard: done('Settled'), target: '#settled' },
        },
      },
    },
    settled: {
      id: 'settled',
      always: [
        { guard: knows(({ decision }) => decision === 'commit'), target: 'persist' },
        { target: 'aborted' },
      ],
    },

    // Committed, and in staging only. A member of a lost node can never be persisted.
    persist: {
      entry: enter('persist', () => ({ kind: 'Persist' }), 'Persisted'),
      exit: leave('persist'),
      on: { DeadlineExpired: failOverdue('persist') },
      always: [
        { guard: knows((known) => !isGood(known) || facts.isStagingLost(known)), target: 'unpublished' },
        { guard: done('Persisted'), target: 'manifest' },
      ],
    },
    manifest: {
      entry: [
        learn((known) => ({ ...known, phase: 'manifest', manifestAttempts: known.manifestAttempts + 1 })),
        say((known) => [orders.setDeadline(known, 'manifest'), orders.writeManifest(known)]),
      ],
      exit: leave('manifest'),
      on: {
        ManifestWritten: { target: 'forget' },
        ManifestFailed: {
          actions: learnFrom('ManifestFailed', (known, { reason }) => ({
            ...known,
            manifestFailure: reason,
          })),
          target: 'manifestFailed',
        },
        DeadlineExpired: {
          guard: expired('manifest'),
          actions: learn((known) => ({ ...known, manifestFailure: 'no answer in time' })),
          target: 'manifestFailed',
        },
      },
    },
    manifestFailed: {
      always: {
        guard: knows(({ manifestAttempts, limits }) => manifestAttempts >= limits.manifestAttemptsMax),
        target: 'unpublished',
      },
      on: { ManifestWritten: { target: 'forget' }, Tick: { target: 'manifest' } },
    },
    forget: {
      entry: [
        say(() => [orders.record({ kind: 'Published' })]),
        ...enter('forget', () => ({ kind: 'Forget' }), 'Forgotten'),
      ],
      exit: leave('forget'),
      on: { DeadlineExpired: goOnOverdue('forget', 'published') },
      always: { guard: done('Forgotten'), target: 'published' },
    },
    unpublished: {
      entry: learn(orders.foldUnpublished),
      always: [
        {
          guard: knows((known) => known.outcome === 'stop' && !facts.isStagingLost(known)),
          target: 'committed-stopped',
        },
        { actions: say((known) => orders.sendToAll(known, { kind: 'Forget' })), target: 'lost' },
      ],
    },

    silent: {
      entry: learn((known) => facts.fail(known, failures.ledgerSilent(known.phase))),
      always: { target: 'undecided' },
    },

    published: end('published'),
    'committed-stopped': end('committed-stopped'),
    aborted: end('aborted'),
    lost: end('lost'),
    undecided: end('undecided'),
  },
});
