// Runs worlds from their seeds until one fails, which is made small and told.
import { makePlan, type Plan } from './faults.ts';
import { runPlan, type RunResult } from './run.ts';
import { shrink } from './shrink.ts';

export interface Settings {
  readonly first: number;
  readonly count: number;
  readonly endMs: number;
  readonly isTraced: boolean;
  /** Whether a failing plan is made small and shown. */
  readonly isShrunk: boolean;
}

/** @returns whether all is well */
export async function runWorlds({ first, count, endMs, isTraced, isShrunk }: Settings): Promise<boolean> {
  const startedMs = performance.now();
  const results: RunResult[] = [];
  for (let seed = first; seed < first + count && performance.now() < endMs; seed += 1) {
    const result = await runPlan(makePlan(seed), isTraced ? console.log : undefined);
    results.push(result);
    if (result.violations.length > 0) break;
  }
  console.log(summary(results, first, performance.now() - startedMs));
  const failed = results.find(({ violations }) => violations.length > 0);
  if (failed !== undefined) await tell(failed, isShrunk);
  return failed === undefined;
}

function summary(results: readonly RunResult[], first: number, tookMs: number): string {
  const sum = (of: (result: RunResult) => number): number =>
    results.reduce((total, each) => total + of(each), 0);
  const steps = results.map((each) => each.steps).toSorted((a, b) => a - b);
  const perSecond = (count: number): number => Math.round((count / tookMs) * 1_000);
  const total = sum((each) => each.steps);
  return [
    `${results.length} worlds from seed ${first}, ${sum(({ published }) => published)} epochs published`,
    `${total} protocol steps (${steps[Math.floor(steps.length / 2)] ?? 0} in the median world, ${perSecond(total)} a second)`,
    `${sum(({ packets }) => packets)} steps and packets of programs`,
  ].join(', ');
}

async function tell({ plan, violations }: RunResult, isShrunk: boolean): Promise<void> {
  console.log(`\nseed ${plan.seed}: ${violations.join('; ')}`);
  if (!isShrunk) return;
  const smallest = await shrink(plan);
  console.log(`\nwhat it takes: ${describe(smallest)}\n`);
  await runPlan(smallest, console.log);
  console.log(`\nto see all of it: pnpm sim --seed ${plan.seed} --trace`);
  console.log('to keep it, in packages/simulator/kept/NAME.json:');
  console.log(JSON.stringify({ what: violations.join('; '), plan: smallest }));
}

function describe({ happenings, ...rest }: Plan): string {
  const lines = happenings.map(
    ({ atMs, kind, lastsMs }) => `  ${(atMs / 1_000).toFixed(3)} s ${kind}, for ${Math.round(lastsMs)} ms`,
  );
  return [JSON.stringify(rest), ...lines].join('\n');
}
