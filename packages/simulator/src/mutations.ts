// All mutations that can be switched on.
import { cutMutations } from './mutations/cut.ts';
import { decisionMutations } from './mutations/decision.ts';
import { leaderMutations } from './mutations/leader.ts';
import type { Mutation } from './mutations/mutation.ts';
import { restoreMutations } from './mutations/restore.ts';

export const mutations: readonly Mutation[] = [
  ...cutMutations,
  ...decisionMutations,
  ...restoreMutations,
  ...leaderMutations,
];
