// `pnpm sim`: runs worlds from their seeds, and makes small what fails.
import { parseArgs } from 'node:util';
import { makePlan, type Plan } from './faults.ts';
import { runPlan, type RunResult } from './run.ts';
import { shrink } from './shrink.ts';

const usage = `Usage: pnpm sim [--seeds N] [--seed S] [--minutes M] [--trace]

Runs the real coordinator and agents in simulated worlds, each from its seed, and looks after every step whether
what must hold does. Ends with 1 when something did not: the seed, the smallest plan that fails, and its trace are
printed.

  --seeds N     how many worlds (default 100)
  --seed S      the first seed (default 1); without --seeds, only this one
  --minutes M   ends after that time, however many worlds there were
  --trace       prints everything that happens
`;

interface Settings {
  readonly first: number;
  readonly count: number;
  readonly endMs: number;
  readonly isTraced: boolean;
}

function readSettings(): Settings | undefined {
  try {
    const { values } = parseArgs({
      options: {
        seeds: { type: 'string' },
        seed: { type: 'string' },
        minutes: { type: 'string' },
        trace: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    });
    if (values.help) return undefined;
    const minutes = values.minutes === undefined ? Infinity : number(values.minutes, 'minutes');
    return {
      first: values.seed === undefined ? 1 : number(values.seed, 'seed'),
      count:
        values.seeds === undefined
          ? values.seed !== undefined
            ? 1
            : minutes === Infinity
              ? 100
              : Infinity
          : number(values.seeds, 'seeds'),
      endMs: performance.now() + minutes * 60_000,
      isTraced: values.trace,
    };
  } catch (error) {
    console.error((error as Error).message);
    process.exitCode = 2;
    return undefined;
  }
}

function number(text: string, name: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new Error(`--${name} ${text} is not a positive number`);
  return value;
}

async function report({ plan, violations }: RunResult): Promise<void> {
  console.log(`\nseed ${plan.seed}: ${violations.join('; ')}`);
  const smallest = await shrink(plan);
  console.log(`\nwhat it takes: ${describe(smallest)}\n`);
  await runPlan(smallest, console.log);
  console.log(`\nto see all of it: pnpm sim --seed ${plan.seed} --trace`);
}

function describe({ happenings, ...rest }: Plan): string {
  const lines = happenings.map(
    ({ atMs, kind, lastsMs }) => `  ${(atMs / 1_000).toFixed(3)} s ${kind}, for ${Math.round(lastsMs)} ms`,
  );
  return [JSON.stringify(rest), ...lines].join('\n');
}

async function runAll({ first, count, endMs, isTraced }: Settings): Promise<void> {
  const startedMs = performance.now();
  const lengths: number[] = [];
  let published = 0;
  for (let seed = first; seed < first + count && performance.now() < endMs; seed += 1) {
    const result = await runPlan(makePlan(seed), isTraced ? console.log : undefined);
    lengths.push(result.steps);
    published += result.published;
    if (result.violations.length === 0) continue;
    await report(result);
    process.exitCode = 1;
    break;
  }
  const seconds = (performance.now() - startedMs) / 1_000;
  const steps = lengths.reduce((sum, length) => sum + length, 0);
  const median = lengths.toSorted((a, b) => a - b)[Math.floor(lengths.length / 2)] ?? 0;
  console.log(
    `${lengths.length} worlds from seed ${first}, ${published} epochs published, ${steps} steps ` +
      `(${median} in the median world), ${Math.round(steps / seconds)} a second`,
  );
}

const settings = readSettings();
if (settings !== undefined) await runAll(settings);
else console.log(usage);
