// Where the user's hooks run within an epoch. Whoever drives the machine runs them, in their order and each within its own
// deadline; the machine waits for all hooks of a stage, for a bounded time. Pure.
import { failures, type Failure } from '../failures.ts';
import type { GangEffect, GangEvent } from './events.ts';
import { fail, type GangFacts, smallestBudgetMs, warn } from './facts.ts';
import { clearDeadline, record } from './orders.ts';
import { brings, isDecided, isGood, knows, learn, say } from './words.ts';

/**
 * Points of an epoch at which hooks run, by what comes next: each has the `post` hooks of the phase before, and the `pre` hooks of
 * the one after. `aborted`: all run again, and nothing is kept.
 */
export const hookStages = [
  'preflight',
  'freeze',
  'hold',
  'dump',
  'release',
  'persist',
  'published',
  'aborted',
] as const;
export type HookStage = (typeof hookStages)[number];

/** How long all hooks of a stage may take together, in ms. Stages without hooks are left out. */
export type HookDeadlines = Partial<Readonly<Record<HookStage, number>>>;

/** What the driver may take beyond the hooks' own deadlines to say that they are through. */
const graceMs = 2_000;

/** Members stand still at these. */
const stillStages = ['hold', 'dump', 'release'] as const;

const deadlineOf = ({ hooks }: GangFacts, stage: HookStage): number | undefined => hooks[stage];

/** After an abort hooks run only if some ran before the freeze: what they have closed is opened again. */
const hasHooks = (facts: GangFacts, stage: HookStage): boolean =>
  deadlineOf(facts, stage) !== undefined && (stage !== 'aborted' || facts.hooksBegan);

const begin =
  (stage: HookStage) =>
  (facts: GangFacts): GangEffect[] =>
    hasHooks(facts, stage)
      ? [
          record({ kind: 'PhaseEntered', phase: 'hooks' }),
          { kind: 'SetDeadline', name: 'hooks', afterMs: (deadlineOf(facts, stage) ?? 0) + graceMs },
          { kind: 'RunHooks', stage },
        ]
      : [];

const note =
  (stage: HookStage) =>
  (facts: GangFacts): GangFacts => ({
    ...facts,
    hookStage: hasHooks(facts, stage) ? stage : null,
    hooksBegan: facts.hooksBegan || (stage !== 'preflight' && hasHooks(facts, stage)),
  });

/** Runs a stage's hooks and goes on; at once where it has none. */
export const hooksThen = <Target extends string>(stage: HookStage, target: Target) =>
  ({
    entry: [say(begin(stage)), learn(note(stage))],
    exit: say((facts) => (hasHooks(facts, stage) ? [clearDeadline('hooks')] : [])),
    on: {
      DeadlineExpired: {
        guard: brings('DeadlineExpired', ({ name }) => name === 'hooks'),
        actions: learn((facts) => end(facts, failures.hooksOverdue(stage))),
      },
    },
    // before the decision a failure leads elsewhere
    always: {
      guard: knows((facts) => facts.hookStage === null && (isGood(facts) || isDecided(facts))),
      target,
    },
  }) as const;

/** The hooks of the stage are through. What is said of another one, or late, changes nothing. */
export function foldHooks(
  facts: GangFacts,
  { stage, failure, warnings }: Extract<GangEvent, { kind: 'HooksFinished' }>,
): GangFacts {
  if (stage !== facts.hookStage) return facts;
  return end(warnings.reduce(warn, facts), failure);
}

/** Before the decision a failure gives the epoch up; after it nothing is changed by one. */
function end(facts: GangFacts, failure: Failure | null): GangFacts {
  const done = { ...facts, hookStage: null };
  if (failure === null) return done;
  return facts.decision === null && !facts.commitPossible ? fail(done, failure) : warn(done, failure);
}

/** Hooks that members would have to stand still for longer than they can. */
export function foldHookBudget(facts: GangFacts): GangFacts {
  const total = stillStages.reduce((sum, stage) => sum + (deadlineOf(facts, stage) ?? 0), 0);
  const budgetMs = smallestBudgetMs(facts);
  return total > 0 && total >= budgetMs ? fail(facts, failures.hooksOverBudget(total, budgetMs)) : facts;
}
