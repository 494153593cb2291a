// Errors of and about a coordinator that leads, or led.
import type { Mutation } from './mutation.ts';

export const leaderMutations: readonly Mutation[] = [
  {
    name: 'accept-a-stale-fence',
    within: 500,
    what: 'agents take orders, and requests, of a leader that was deposed',
    edits: [
      {
        file: 'protocol/src/fencing.ts',
        find: 'numbers.fence < seen.fence || ',
        replace: '',
      },
      {
        file: 'protocol/src/member/facts.ts',
        find: 'if (command.fence < fence)',
        replace: 'if (command.fence < 0)',
      },
      {
        file: 'agent/src/fences.ts',
        find: 'if (seen !== undefined && fence < seen.fence) throw',
        replace: 'if (seen !== undefined && fence < 0) throw',
      },
    ],
  },
  {
    name: 'write-without-a-fence',
    within: 5000,
    what: 'a leader that was deposed still writes',
    edits: [
      {
        file: 'coordinator/src/leader-ledger.ts',
        find: 'const isLeader = { key: ledgerKeys.fence, is: { equals: this.fence } } as const;',
        replace: "const isLeader = { key: ledgerKeys.fence, is: 'present' } as const;",
      },
      {
        file: 'coordinator/src/leader-ledger.ts',
        find: "const isTurn = { key: turnKey, is: this.#turn === 0 ? 'absent' : { equals: this.#turn } } as const;",
        replace: 'const isTurn = isLeader;',
      },
      {
        file: 'coordinator/src/leader-ledger.ts',
        find: 'if (result.ok || valueAt(result, 0) === this.fence) return result;',
        replace: 'if (result.ok || this.fence > 0) return result;',
      },
    ],
  },
  {
    name: 'never-look-again',
    within: 3000,
    what: 'what an agent told, and was lost, is never asked for',
    edits: [
      {
        file: 'coordinator/src/node.ts',
        find: 'if (!this.isReady) return;',
        replace: 'if (this.isReady) return;',
      },
    ],
  },
];
