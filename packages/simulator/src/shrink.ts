// Makes a failing plan small: leaves out what happens, for as long as the world fails without it too.
import type { Plan } from './faults.ts';
import { runPlan } from './run.ts';

export async function shrink(plan: Plan): Promise<Plan> {
  let smallest = plan;
  for (let size = plan.happenings.length; size >= 1; size = Math.floor(size / 2))
    smallest = await leaveOut(smallest, size);
  return smallest;
}

/** Leaves out so many happenings in a row, wherever the world fails without them. */
async function leaveOut(plan: Plan, size: number): Promise<Plan> {
  let rest = plan;
  for (let from = 0; from < rest.happenings.length;) {
    const candidate = { ...rest, happenings: rest.happenings.toSpliced(from, size) };
    const { violations } = await runPlan(candidate);
    if (violations.length > 0) rest = candidate;
    else from += size;
  }
  return rest;
}
