// Errors around the decision of an epoch.
import type { Mutation } from './mutation.ts';

export const decisionMutations: readonly Mutation[] = [
  {
    name: 'thaw-in-doubt',
    within: 10000,
    what: 'a member under stop that can not reach the ledger thaws',
    edits: [
      {
        file: 'protocol/src/member/voted.ts',
        find: 'actions: [learn(fold.reportDoubt), report],',
        replace: "actions: [learn((known) => fold.foldDecision(known, 'abort')), report],",
      },
    ],
  },
  {
    name: 'kill-before-the-decision',
    within: 300,
    what: 'a member under stop is killed by its own vote',
    edits: [
      {
        file: 'protocol/src/member/voted.ts',
        find: "facts.isBound(known) && known.decision === 'commit'), target: '#kill'",
        replace: "facts.isBound(known)), target: '#kill'",
      },
      {
        file: 'protocol/src/member/chart.ts',
        find: "invariant(facts.isBound(known) && known.decision === 'commit', 'only a stop commit kills');",
        replace: "invariant(facts.isBound(known), 'only a stop commit kills');",
      },
    ],
  },
  {
    name: 'reuse-an-epoch',
    within: 100,
    what: 'the mark of the highest epoch is not kept',
    edits: [
      {
        file: 'protocol/src/decisions.ts',
        find: '{ key: ledgerKeys.epochMark(gang), value: epoch },',
        replace: '',
      },
    ],
  },
  {
    name: 'collect-a-decision-too-early',
    within: 100,
    what: 'a decision goes as soon as its leader knows it',
    edits: [
      {
        file: 'coordinator/src/store.ts',
        find: 'return this.#ledger.decide(decision, transaction, askDecision(gang, epoch));',
        replace: `const word = await this.#ledger.decide(decision, transaction, askDecision(gang, epoch));
    await this.#ledger.write('collect', [], [ledgerKeys.commit(gang, epoch)]);
    return word;`,
      },
    ],
  },
  {
    name: 'abort-after-commit-may-stand',
    within: 3000,
    what: 'a leader that has written commit, and hears nothing, aborts',
    edits: [
      {
        file: 'protocol/src/gang/decision.ts',
        find: "DeadlineExpired: { guard: expired('decide'), target: 'silent' },\n  },\n});\n\n/** The way on",
        replace:
          "DeadlineExpired: { guard: expired('decide'), target: 'aborting' },\n  },\n});\n\n/** The way on",
      },
    ],
  },
  {
    name: 'skip-the-abort-after-a-failover',
    within: 500,
    what: 'a new leader commits an epoch that its predecessor has left undecided',
    edits: [
      {
        file: 'protocol/src/gang/chart.ts',
        find: "{ guard: knows(({ commitPossible }) => commitPossible), target: 'giveUp' },",
        replace: "{ guard: knows(({ commitPossible }) => commitPossible), target: 'decide' },",
      },
      {
        file: 'protocol/src/gang/chart.ts',
        find: "failure: found === 'undecided' || found === 'abort' ? failures.leaderChanged() : null,",
        replace: "failure: found === 'abort' ? failures.leaderChanged() : null,",
      },
    ],
  },
  {
    name: 'forget-what-may-be-open',
    within: 500,
    what: 'an epoch that the ledger opened without an answer is nobody’s',
    edits: [
      {
        file: 'coordinator/src/checkpoints.ts',
        find: 'if (!isWithoutEffect(error)) inBackground',
        replace: 'if (isWithoutEffect(error)) inBackground',
      },
    ],
  },
];
