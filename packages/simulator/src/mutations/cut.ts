// Errors of the cut, and of what is made of it.
import type { Mutation } from './mutation.ts';

export const cutMutations: readonly Mutation[] = [
  {
    name: 'dump-before-all-are-held',
    within: 100,
    what: 'members are dumped, and released, one by one: nobody waits for the others, or compares what they have',
    edits: [
      {
        file: 'protocol/src/gang/open.ts',
        find: "always: { guard: reached('Held'), target: 'beforeDump' },",
        replace: "always: { guard: knows(isGood), target: 'beforeDump' },",
      },
      {
        file: 'protocol/src/gang/open.ts',
        find: "always: { guard: reached('Noted'), target: 'dump' },",
        replace: "always: { guard: knows(isGood), target: 'dump' },",
      },
      {
        file: 'protocol/src/gang/open.ts',
        find: 'entry: learn(orders.foldCut),',
        replace: 'entry: learn((known) => known),',
      },
    ],
  },
  {
    name: 'commit-with-a-vote-missing',
    within: 100,
    what: 'the leader commits without waiting for the votes',
    edits: [
      {
        file: 'protocol/src/gang/open.ts',
        find: "always: { guard: reached('Dumped'), target: 'verify' },",
        replace: "always: { guard: knows(isGood), target: 'verify' },",
      },
    ],
  },
  {
    name: 'publish-before-all-is-stored',
    within: 100,
    what: 'the manifest does not wait for all members',
    edits: [
      {
        file: 'protocol/src/gang/publish.ts',
        find: "{ guard: done('Persisted'), target: 'manifest' },",
        replace: "{ guard: knows(isGood), target: 'manifest' },",
      },
      {
        file: 'protocol/src/gang/facts.ts',
        find: "invariant(vote !== null && hasReached(known, 'Persisted'), `member ${member} is persisted`);",
        replace: 'invariant(vote !== null, `member ${member} has voted`);',
      },
    ],
  },
  {
    name: 'send-before-it-is-kept',
    within: 3000,
    what: 'an agent says what it has not written down',
    edits: [
      {
        file: 'protocol/src/member/chart.ts',
        find: "durable.has(step) ? [{ kind: 'Persist' }] : []",
        replace: '[]',
      },
    ],
  },
  {
    name: 'commit-unverified',
    within: 100,
    what: 'nobody compares the two ends of connections',
    edits: [
      {
        file: 'protocol/src/gang/open.ts',
        find: 'entry: learn(orders.foldCut),',
        replace: 'entry: learn((known) => known),',
      },
    ],
  },
  {
    name: 'release-before-all-have-noted',
    within: 1000,
    what: 'a member runs on, and writes, while another has not looked at its files yet',
    edits: [
      {
        file: 'protocol/src/gang/open.ts',
        find: "always: { guard: reached('Noted'), target: 'dump' },",
        replace: "always: { guard: knows(isGood), target: 'dump' },",
      },
    ],
  },
  {
    name: 'leave-half-dead-connections',
    within: 1000,
    what: 'a reset that a hold has swallowed is never made good',
    edits: [
      {
        file: 'protocol/src/half-dead.ts',
        find: 'return findLonely(second).filter((socket) => before.has(identity(socket)));',
        replace: 'return findLonely(second).filter((socket) => !before.has(identity(socket)));',
      },
    ],
  },
  {
    name: 'judge-connections-by-one-look',
    within: 5000,
    what: 'connections that were opened while members were looked at one by one are destroyed',
    edits: [
      {
        file: 'protocol/src/half-dead.ts',
        find: 'return findLonely(second).filter((socket) => before.has(identity(socket)));',
        replace: 'return before.size > -1 ? findLonely(second) : [];',
      },
      {
        file: 'protocol/src/gang/publish.ts',
        find: "(known) => facts.allReached(known, 'Surveyed') && orders.looksLonely(known)",
        replace: "(known) => facts.allReached(known, 'Surveyed')",
      },
    ],
  },
  {
    name: 'lift-the-hold-of-another-epoch',
    within: 3000,
    what: 'nobody waits until an epoch that was given up is released: that comes late, and lifts what holds the member',
    edits: [
      {
        file: 'protocol/src/gang/words.ts',
        find: "isDecided(known) && facts.allReached(known, 'Released');",
        replace: "isDecided(known) && known.decision === 'abort';",
      },
      {
        file: 'simulator/src/epoch-steps.ts',
        find: 'hold: member.hold === hold ? undefined : member.hold,',
        replace: 'hold: undefined,',
      },
      {
        file: 'agent/src/epoch-service.ts',
        find: 'if (this.#supersede(command, place)) continue;',
        replace: 'this.#supersede(command, place);',
      },
    ],
  },
];
