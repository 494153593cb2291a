// Errors of the cut, and of what is made of it.
import type { Mutation } from './mutation.ts';

export const cutMutations: readonly Mutation[] = [
  {
    name: 'dump-before-all-are-held',
    what: 'members dump as soon as all are frozen',
    edits: [
      {
        file: 'protocol/src/gang/open.ts',
        find: "always: { guard: reached('Held'), target: 'note' },",
        replace: "always: { guard: reached('Frozen'), target: 'note' },",
      },
    ],
  },
  {
    name: 'commit-with-a-vote-missing',
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
    what: 'an agent says what it has not written down',
    edits: [
      {
        file: 'protocol/src/member/chart.ts',
        find: "durable.has(step) ? [{ kind: 'Persist' }] : []",
        replace: '[]',
      },
    ],
  },
];
