// The phases of an epoch as the coordinator sees them: a pure state chart. Events are folded into the facts
// first (facts.ts); the chart then asks the facts where to go, and says what is to be done (orders.ts).
import { failures } from '../failures.ts';
import { aborting, committed, decide, finishRelease, giveUp, kill } from './decision.ts';
import * as facts from './facts.ts';
import * as fold from './fold.ts';
import { open } from './open.ts';
import { foldHooks, hooksThen } from './hooks.ts';
import * as orders from './orders.ts';
import { forget, manifest, manifestFailed, persist, settle, unpublished } from './publish.ts';
import { end, gangSetup, knows, learn, learnFrom, say, sayFrom } from './words.ts';

export const gangChart = gangSetup.createMachine({
  id: 'gangEpoch',
  context: ({ input: { found, ...input } }) => ({
    ...facts.startFacts(input),
    commitPossible: found !== 'new',
    // a predecessor's may have run
    hooksBegan: found !== 'new',
    decision: found === 'commit' || found === 'abort' ? found : null,
    failure: found === 'undecided' || found === 'abort' ? failures.leaderChanged() : null,
  }),
  initial: 'begin',
  on: {
    ReplyReceived: {
      actions: [
        sayFrom('ReplyReceived', (_known, { reply }) => orders.recordDoubts(reply)),
        learnFrom('ReplyReceived', (known, { reply }) => fold.foldReply(known, reply)),
      ],
    },
    MemberLost: { actions: learnFrom('MemberLost', fold.foldLoss) },
    NodeLost: { actions: learnFrom('NodeLost', fold.foldLoss) },
    HooksFinished: { actions: learnFrom('HooksFinished', foldHooks) },
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

    open,

    decide,
    committed,
    finishRelease,
    kill,
    giveUp,
    aborting,

    settle,
    settled: {
      id: 'settled',
      always: [
        { guard: knows(({ decision }) => decision === 'commit'), target: 'beforePersist' },
        { target: 'afterAbort' },
      ],
    },
    beforePersist: hooksThen('persist', 'persist'),
    persist,
    manifest,
    manifestFailed,
    afterManifest: hooksThen('published', 'forget'),
    forget,
    unpublished,

    silent: {
      entry: learn((known) => facts.fail(known, failures.ledgerSilent(known.phase))),
      always: { target: 'undecided' },
    },

    afterAbort: hooksThen('aborted', 'aborted'),

    published: end('published'),
    'committed-stopped': end('committed-stopped'),
    aborted: end('aborted'),
    lost: end('lost'),
    undecided: end('undecided'),
  },
});
