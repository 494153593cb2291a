// `pnpm sim`: runs worlds from their seeds, and makes small what fails.
import { parseArgs } from 'node:util';
import { runJobs } from './jobs.ts';
import { switchOn } from './mutate.ts';
import { mutations } from './mutations.ts';
import type { Settings } from './worlds.ts';

const usage = `Usage: pnpm sim [--seeds N] [--seed S] [--minutes M] [--jobs J] [--trace] [--no-shrink] [--mutation NAME]

Runs the real coordinator and agents in simulated worlds, each from its seed, and looks after every step whether
what must hold does. Ends with 1 when something did not: the seed, the smallest plan that fails, and its trace are
printed.

  --seeds N         how many worlds (default 100)
  --seed S          the first seed (default 1); without --seeds, only this one
  --minutes M       ends after that time, however many worlds there were
  --jobs J          so many worlds side by side, each in a process (default 1)
  --trace           prints everything that happens
  --no-shrink       tells the seed that fails, and no more
  --mutation NAME   puts a deliberate error into the protocol first, one of:
${mutations.map(({ name, what }) => `                      ${name}: ${what}`).join('\n')}
`;

interface Arguments extends Settings {
  readonly mutation: string | undefined;
  readonly jobs: number;
  /** What every job is given. */
  readonly forJobs: readonly string[];
}

/** @throws when they are none */
function readArguments(): Arguments | undefined {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string' },
      seed: { type: 'string' },
      minutes: { type: 'string' },
      jobs: { type: 'string' },
      trace: { type: 'boolean', default: false },
      'no-shrink': { type: 'boolean', default: false },
      mutation: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const { mutation, trace } = values;
  if (mutation !== undefined && !mutations.some(({ name }) => name === mutation))
    throw new Error(`there is no mutation ${mutation}`);
  const seed = readNumber(values.seed, 'seed');
  const minutes = readNumber(values.minutes, 'minutes');
  const many = minutes === undefined ? 100 : 1_000_000;
  return {
    first: seed ?? 1,
    count: readNumber(values.seeds, 'seeds') ?? (seed === undefined ? many : 1),
    endMs: performance.now() + (minutes ?? Infinity) * 60_000,
    isTraced: trace,
    isShrunk: !values['no-shrink'],
    mutation,
    jobs: readNumber(values.jobs, 'jobs') ?? 1,
    forJobs: [
      ...(mutation === undefined ? [] : ['--mutation', mutation]),
      ...(minutes === undefined ? [] : ['--minutes', String(minutes)]),
      ...(values['no-shrink'] ? ['--no-shrink'] : []),
    ],
  };
}

function readNumber(text: string | undefined, name: string): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new Error(`--${name} ${text} is not a positive number`);
  return value;
}

async function main(): Promise<void> {
  let settings: Arguments | undefined;
  try {
    settings = readArguments();
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`);
    process.exitCode = 2;
    return;
  }
  if (settings === undefined) {
    console.log(usage);
    return;
  }
  if (settings.jobs > 1) {
    const { forJobs, first, count, jobs } = settings;
    if (!(await runJobs(forJobs, first, count, jobs))) process.exitCode = 1;
    return;
  }
  if (settings.mutation !== undefined) switchOn(settings.mutation);
  // what is to be mutated must not be loaded before
  const { runWorlds } = await import('./worlds.ts');
  if (!(await runWorlds(settings))) process.exitCode = 1;
}

await main();
