// How long it takes from the command until a training trains again, beside a bare `criu restore` of the same images.
import { BareRestore } from './lib/bare-restore.ts';
import { dropCaches } from './lib/cold.ts';
import { durationsOf, type PhaseEntered } from './lib/durations.ts';
import { limits } from './lib/limits.ts';
import { touchMemory } from './lib/memory.ts';
import { type Benchmark, ms, type Result, times } from './lib/report.ts';
import { gangBytes, type Measured, measureSizes, members, type Size } from './lib/sizes.ts';
import { summarize } from './lib/statistics.ts';
import { firstStepAfter } from './lib/steps.ts';
import type { Training } from './lib/training.ts';
import { until } from './lib/until.ts';
import type { World } from './lib/world.ts';

const askedRatio = 1.5;

interface Round {
  /** From the command to the first new step. */
  readonly stillpointMs: number;
  /** The images on the disk, as the vault is. */
  readonly bareMs: number;
  /** The images in the page cache. */
  readonly cachedMs: number;
  /** How long the restore was in each phase, as its progress says. */
  readonly phases: Readonly<Record<string, number>>;
}

export const restore: Benchmark = {
  name: 'restore',
  summary: 'from the command to the first new step of a restored training',
  run: async (options) => resultOf(await measureSizes('restore', options, prepare)),
};

async function prepare(
  world: World,
  training: Training,
  size: Size,
): Promise<(round: number) => Promise<Round>> {
  // images are in memory before they are a member's memory
  const ready = (): Promise<void> => touchMemory(world, 2 * gangBytes(size));
  const { epoch } = await world.client.checkpoint(
    training.name,
    { outcome: 'stop' },
    { signal: world.signal },
  );
  const bare = await BareRestore.prepare(world, training.name, epoch);
  return async (round) => {
    const before = round % 2 === 1 ? await restoreBare(world, training, bare, ready) : undefined;
    const ours = await restoreOurs(world, training, epoch, ready);
    return { ...ours, ...(before ?? (await restoreBare(world, training, bare, ready))) };
  };
}

type OursRound = Pick<Round, 'stillpointMs' | 'phases'>;
type BareRound = Pick<Round, 'bareMs' | 'cachedMs'>;

async function restoreBare(
  world: World,
  training: Training,
  bare: BareRestore,
  ready: () => Promise<void>,
): Promise<BareRound> {
  const once = (): Promise<number> =>
    bare.run(ready, async (startMs) => (await firstStep(world, training, 'a bare', startMs)) - startMs);
  await dropCaches();
  return { bareMs: await once(), cachedMs: await once() };
}

async function restoreOurs(
  world: World,
  training: Training,
  epoch: number,
  ready: () => Promise<void>,
): Promise<OursRound> {
  await dropCaches();
  await ready();
  const entered: PhaseEntered[] = [];
  const startMs = Date.now();
  await world.client.restore(
    training.name,
    { epoch },
    {
      signal: world.signal,
      onProgress: ({ phase, atMs }) => {
        if (entered.at(-1)?.phase !== phase) entered.push({ phase, atMs });
      },
    },
  );
  const firstMs = await firstStep(world, training, 'our', startMs);
  await training.stop();
  return {
    stillpointMs: firstMs - startMs,
    phases: durationsOf([{ phase: 'ask', atMs: startMs }, ...entered], firstMs),
  };
}

function firstStep({ signal }: World, training: Training, whose: string, afterMs: number): Promise<number> {
  return until(`the first step after ${whose} restore`, limits.firstStepMs, signal, async () =>
    firstStepAfter(await training.ends(), afterMs),
  );
}

function resultOf(measured: readonly Measured<Round>[]): Result {
  const summaries = measured.map(({ size, rounds }) => ({
    size,
    rounds,
    ours: summarize(rounds.map(({ stillpointMs }) => stillpointMs)),
    bare: summarize(rounds.map(({ bareMs }) => bareMs)),
    cached: summarize(rounds.map(({ cachedMs }) => cachedMs)),
    ratio: summarize(rounds.map(({ stillpointMs, bareMs }) => stillpointMs / bareMs)),
  }));
  return {
    tables: summaries.flatMap(({ size, rounds, ours, bare, cached, ratio }) => [
      {
        title: `${members} members of ${size.label}, ${rounds.length} rounds: command to first new step`,
        columns: ['restore', 'median', 'smallest', 'largest'],
        rows: [
          ...(
            [
              ['Stillpoint, from the vault on disk', ours],
              ['bare criu, from the same disk', bare],
              ['bare criu, images in the page cache', cached],
            ] as const
          ).map(([name, { median, smallest, largest }]) => [name, ms(median), ms(smallest), ms(largest)]),
          [
            'Stillpoint to bare criu from disk, round by round',
            times(ratio.median),
            times(ratio.smallest),
            times(ratio.largest),
          ],
        ],
      },
      {
        title: `where Stillpoint's restore goes, ${size.label} a member`,
        columns: ['phase', 'median', 'smallest', 'largest'],
        rows: Object.keys(rounds[0]?.phases ?? {}).map((phase) => {
          const { median, smallest, largest } = summarize(rounds.map(({ phases }) => phases[phase] ?? 0));
          return [phase, ms(median), ms(smallest), ms(largest)];
        }),
      },
    ]),
    verdicts: summaries.map(({ size, ratio }) => ({
      level: 'target',
      what: `${size.label}: restore beside bare criu`,
      found: times(ratio.median),
      asked: `at most ${times(askedRatio)}`,
      isMet: ratio.median <= askedRatio,
    })),
    data: measured,
  };
}
