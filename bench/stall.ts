// How long a training stands still for a checkpoint, beside a bare CRIU dump and a synchronous checkpoint of the same gang.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { dumpBare } from './lib/bare-dump.ts';
import { copyLimited } from './lib/copy.ts';
import { type EpochPhases, phaseNames, phasesOf } from './lib/epoch-phases.ts';
import { limits } from './lib/limits.ts';
import { touchMemory } from './lib/memory.ts';
import { type Benchmark, ms, type Result, type Table, times, type Verdict } from './lib/report.ts';
import { rotate } from './lib/rotate.ts';
import { findSandboxes, setFrozen } from './lib/sandboxes.ts';
import { gangBytes, largestLabel, type Measured, measureSizes, members, type Size } from './lib/sizes.ts';
import { summarize } from './lib/statistics.ts';
import { allStepsAfter, firstStepAfter, longestGapMs, normalStepMs, type StepEnds } from './lib/steps.ts';
import type { Training } from './lib/training.ts';
import type { World } from './lib/world.ts';

/** What a synchronous checkpoint writes to for the whole gang. */
const storageBytesPerSecond = 100e6;

/** One stop of the gang, by whichever way. */
interface Stop {
  /** From the freeze, or the command, to the first step that any rank finished after it, less a normal step. */
  readonly stallMs: number;
  /** The longest time without a finished step, less a normal step: no clock but the ranks' own is in it. */
  readonly gapMs: number;
  readonly normalMs: number;
}

interface Round {
  readonly stillpoint: Stop & {
    readonly phases: EpochPhases['phases'];
    readonly afterReleaseMs: number;
    readonly inStepMs: number;
  };
  readonly bare: Stop & { readonly frozenMs: number };
  readonly synchronous: Stop & { readonly bytes: number };
}

type Ways = { readonly [Way in keyof Round]: () => Promise<Round[Way]> };
const ways = ['stillpoint', 'bare', 'synchronous'] as const;

export const stall: Benchmark = {
  name: 'stall',
  summary: 'how long a training stands still for a checkpoint',
  run: async (options) => resultOf(await measureSizes('stall', options, prepare)),
};

async function prepare(
  world: World,
  training: Training,
  size: Size,
): Promise<(round: number) => Promise<Round>> {
  const ready = async (): Promise<number> => {
    const normalMs = await quiet(training);
    await touchMemory(world, gangBytes(size));
    return normalMs;
  };
  const measure: Ways = {
    stillpoint: async () => await checkpoint(world, training, await ready()),
    bare: async () => await dump(world, training, await ready()),
    synchronous: async () => await dumpAndCopy(world, training, await ready()),
  };
  return async (round) => {
    const found: { -readonly [Way in keyof Round]?: Round[Way] } = {};
    for (const way of rotate(ways, round)) Object.assign(found, { [way]: await measure[way]() });
    const { stillpoint, bare, synchronous } = found;
    if (stillpoint === undefined || bare === undefined || synchronous === undefined)
      throw new Error('a way was left out');
    return { stillpoint, bare, synchronous };
  };
}

async function checkpoint(
  { client, signal }: World,
  training: Training,
  normalMs: number,
): Promise<Round['stillpoint']> {
  const { epoch } = await client.checkpoint(training.name, {}, { signal });
  const ends = await training.steps(2);
  const { phases, freezeStartMs, frozenMs, releasedMs } = phasesOf(
    await client.timeline(training.name, epoch, { signal }),
  );
  await client.removeEpoch(training.name, epoch, { signal });
  const first = requireStep(firstStepAfter(ends, frozenMs));
  return {
    ...stopOf(ends, freezeStartMs, first, normalMs),
    phases,
    afterReleaseMs: first - releasedMs - normalMs,
    inStepMs: requireStep(allStepsAfter(ends, 2, frozenMs)) - releasedMs - 2 * normalMs,
  };
}

async function dump(world: World, training: Training, normalMs: number): Promise<Round['bare']> {
  const sandboxes = await findSandboxes(world.paths, training.name);
  const startMs = Date.now();
  const { folder, frozenMs } = await dumpBare(world.paths, sandboxes, false);
  const ends = await training.steps(2);
  await rm(folder, { recursive: true });
  // CRIU does not say when it froze them: the longest stop since the command is it
  const gapMs = longestGapMs(ends, startMs, Date.now()) - normalMs;
  return { stallMs: gapMs, gapMs, normalMs, frozenMs };
}

async function dumpAndCopy(
  world: World,
  training: Training,
  normalMs: number,
): Promise<Round['synchronous']> {
  const sandboxes = await findSandboxes(world.paths, training.name);
  const copy = join(world.work, 'copy');
  const startMs = Date.now();
  let bytes: number;
  let thawMs: number;
  let folder: string;
  await setFrozen(world.paths, sandboxes, true);
  try {
    ({ folder } = await dumpBare(world.paths, sandboxes, true));
    bytes = await copyLimited(folder, copy, storageBytesPerSecond, world.signal);
  } finally {
    thawMs = Date.now();
    await setFrozen(world.paths, sandboxes, false);
  }
  const ends = await training.steps(2);
  await Promise.all([folder, copy].map((each) => rm(each, { recursive: true })));
  return { ...stopOf(ends, startMs, requireStep(firstStepAfter(ends, thawMs)), normalMs), bytes };
}

/** Lets steps go by in which nothing happens. @returns their normal duration */
async function quiet(training: Training): Promise<number> {
  const fromMs = Date.now();
  const ends = await training.steps(limits.quietSteps);
  return normalStepMs(ends, fromMs, Date.now());
}

function stopOf(ends: readonly StepEnds[], startMs: number, firstMs: number, normalMs: number): Stop {
  return {
    stallMs: firstMs - startMs - normalMs,
    gapMs: longestGapMs(ends, startMs, firstMs) - normalMs,
    normalMs,
  };
}

function requireStep(step: number | undefined): number {
  if (step === undefined) throw new Error('no step was finished after the stop');
  return step;
}

function resultOf(measured: readonly Measured<Round>[]): Result {
  const verdicts: Verdict[] = [];
  const tables: Table[] = [];
  for (const { size, rounds } of measured) {
    const of = (pick: (round: Round) => number) => summarize(rounds.map(pick));
    const [ours, bare, synchronous] = [
      of((r) => r.stillpoint.stallMs),
      of((r) => r.bare.frozenMs),
      of((r) => r.synchronous.stallMs),
    ];
    const row = (name: string, { median, smallest, largest }: typeof ours): string[] => [
      name,
      ms(median),
      ms(smallest),
      ms(largest),
      times(ours.median / median),
    ];
    tables.push({
      title: `${members} members of ${size.label}, ${rounds.length} rounds`,
      columns: ['stall', 'median', 'smallest', 'largest', 'ours is'],
      rows: [
        row('Stillpoint: freeze to first step, less a step', ours),
        row(
          '  the same by the longest gap between steps',
          of((r) => r.stillpoint.gapMs),
        ),
        row('bare criu: slowest frozen time', bare),
        row(
          '  the same by the longest gap between steps',
          of((r) => r.bare.gapMs),
        ),
        row('synchronous: frozen until copied at 100 MB/s', synchronous),
        row(
          'a normal step',
          of((r) => r.stillpoint.normalMs),
        ),
      ],
    });
    tables.push({
      title: `where Stillpoint's stall goes, ${size.label} a member`,
      columns: ['phase', 'median', 'smallest', 'largest'],
      rows: [
        ...phaseNames.map((phase) => [phase, of((r) => r.stillpoint.phases[phase])] as const),
        ['last release to first step, less a step', of((r) => r.stillpoint.afterReleaseMs)] as const,
        ['last release until all have done 2 steps, less 2', of((r) => r.stillpoint.inStepMs)] as const,
      ].map(([name, { median, smallest, largest }]) => [name, ms(median), ms(smallest), ms(largest)]),
    });
    verdicts.push(...verdictsOf(size, ours.median, bare.median, synchronous.median));
  }
  return { tables, verdicts, data: measured };
}

function verdictsOf({ label }: Size, ours: number, bare: number, synchronous: number): Verdict[] {
  const beside = (level: Verdict['level'], factor: number, extraMs: number): Verdict => ({
    level,
    what: `${label}: stall`,
    found: ms(ours),
    asked: `at most ${factor} × bare${extraMs === 0 ? '' : ` + ${extraMs} ms`} = ${ms(factor * bare + extraMs)}`,
    isMet: ours <= factor * bare + extraMs,
  });
  const under = (level: Verdict['level'], factor: number): Verdict => ({
    level,
    what: `${label}: under a synchronous checkpoint`,
    found: times(synchronous / ours),
    asked: `at least ${factor}×`,
    isMet: synchronous / ours >= factor,
  });
  const all = [beside('bar', 1.3, 150), beside('goal', 1.1, 0)];
  return label === largestLabel ? [...all, under('bar', 20), under('goal', 30)] : all;
}
