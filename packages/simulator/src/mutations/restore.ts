// Errors of a restore.
import type { Mutation } from './mutation.ts';

export const restoreMutations: readonly Mutation[] = [
  {
    name: 'lift-before-go',
    within: 100,
    what: 'a restored member is lifted at once',
    edits: [
      {
        file: 'protocol/src/member-restore/restored.ts',
        find: "known.outcome === 'go'), target: 'lift'",
        replace: "known.outcome !== 'abandon'), target: 'lift'",
      },
      {
        file: 'protocol/src/member-restore/chart.ts',
        find: "invariant(known.outcome === 'go', 'nothing is lifted before `go`');",
        replace: "invariant(known.outcome !== 'abandon', 'nothing is lifted before `go`');",
      },
    ],
  },
  {
    name: 'two-restores-at-once',
    within: 100,
    what: 'an incarnation is opened though the one before it may run',
    edits: [
      { file: 'protocol/src/decisions.ts', find: '...comparePredecessor(gang, predecessor),', replace: '' },
      {
        file: 'coordinator/src/store.ts',
        find: "return ended === undefined ? undefined : { kind: 'Ended', incarnation: past };",
        replace: "return { kind: 'Ended', incarnation: past };",
      },
      {
        file: 'coordinator/src/restores.ts',
        find: "if (!gang.isDead) {\n      report({ phase: 'clear'",
        replace: "if (!gang.isRunning) {\n      report({ phase: 'clear'",
      },
    ],
  },
  {
    name: 'restore-without-a-hold',
    within: 100,
    what: 'a member that is restored runs at once',
    edits: [
      {
        file: 'simulator/src/restore-steps.ts',
        find: "world.change(found, { state: 'running', isFrozen: true, hold: step.holdId });",
        replace: "world.change(found, { state: 'running', isFrozen: false, hold: undefined });",
      },
    ],
  },
];
