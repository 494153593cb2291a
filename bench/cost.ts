// What Stillpoint costs while a gang trains and no checkpoint runs: its CPU time, and the gang's step time beside the
// same training without it. Both trainings are there all the time, and in turn one stands still while the other runs.
import { setTimeout as delay } from 'node:timers/promises';
import { type BareTraining, startBareTraining } from './lib/bare-training.ts';
import { findWatchers, type Kind, kinds, readCpuMs, signalAll, type Watcher } from './lib/cpu.ts';
import { type Benchmark, type BenchOptions, ms, type Result } from './lib/report.ts';
import { findSandboxes, type Sandbox, setFrozen } from './lib/sandboxes.ts';
import { type Interval, meanInterval } from './lib/statistics.ts';
import { meanStepMs, type StepEnds } from './lib/steps.ts';
import { Training } from './lib/training.ts';
import { startWorld, type World } from './lib/world.ts';

const members = 3;
/** Of one core, for each node; and of the step time. */
const askedShare = 0.005;
/** An interval that is wider to either side tells nothing. */
const noiseMax = 0.02;

/** One time with Stillpoint and one without, one after the other. */
interface Pair {
  readonly withMs: number;
  readonly withoutMs: number;
  /** CPU time per node and second of the time with it, as a share of one core. */
  readonly cpu: Readonly<Record<Kind, number>>;
}

interface Rivals {
  readonly world: World;
  readonly training: Training;
  readonly sandboxes: readonly Sandbox[];
  readonly watchers: readonly Watcher[];
  readonly bare: BareTraining;
}

export const cost: Benchmark = {
  name: 'cost',
  summary: 'CPU time and step time while a gang trains and no checkpoint runs',
  run: async ({ signal, quick, rounds = quick ? 5 : 45, note }: BenchOptions) => {
    const windowMs = quick ? 3000 : 4000;
    await using world = await startWorld(signal);
    note('starting');
    const training = await Training.start(world, { name: 'cost', members });
    const sandboxes = await findSandboxes(world.paths, training.name);
    const watchers = await findWatchers(world.paths);
    await using bare = await startBareTraining(world, 'without', members);
    bare.signal('SIGSTOP');
    const rivals: Rivals = { world, training, sandboxes, watchers, bare };
    const pairs: Pair[] = [];
    for (let round = 0; round < rounds; round += 1) {
      if (round % 10 === 0) note(`round ${round + 1} of ${rounds}, ${ms(2 * windowMs)} each`);
      const before = round % 2 === 1 ? await without(rivals, windowMs) : undefined;
      const ours = await withIt(rivals, windowMs);
      pairs.push({ ...ours, withoutMs: before ?? (await without(rivals, windowMs)) });
    }
    return resultOf(pairs);
  },
};

async function withIt(rivals: Rivals, windowMs: number): Promise<Omit<Pair, 'withoutMs'>> {
  const { world, training, watchers } = rivals;
  const startMs = Date.now();
  const before = await readCpuMs(watchers);
  await delay(windowMs, undefined, { signal: world.signal });
  const after = await readCpuMs(watchers);
  const nodeMs = members * (Date.now() - startMs);
  const share = (kind: Kind): number => (after[kind] - before[kind]) / nodeMs;
  return {
    withMs: stepMsSince(await training.ends(), startMs),
    cpu: {
      coordinator: share('coordinator'),
      agents: share('agents'),
      'sp-init': share('sp-init'),
      other: share('other'),
    },
  };
}

/** Stillpoint and its gang stand still, and the other training runs. */
async function without({ world, sandboxes, watchers, bare }: Rivals, windowMs: number): Promise<number> {
  await setFrozen(world.paths, sandboxes, true);
  signalAll(watchers, 'SIGSTOP');
  try {
    const startMs = Date.now();
    bare.signal('SIGCONT');
    await delay(windowMs, undefined, { signal: world.signal });
    bare.signal('SIGSTOP');
    return stepMsSince(await bare.ends(), startMs);
  } finally {
    signalAll(watchers, 'SIGCONT');
    await setFrozen(world.paths, sandboxes, false);
  }
}

/** The first step since then was begun before it, and does not count. */
const stepMsSince = (ends: readonly StepEnds[], startMs: number): number =>
  meanStepMs(ends, startMs, Date.now());

function resultOf(pairs: readonly Pair[]): Result {
  const of = (pick: (pair: Pair) => number): Interval => meanInterval(pairs.map(pick));
  const total = of(({ cpu }) => kinds.reduce((sum, kind) => sum + cpu[kind], 0));
  const slower = of(({ withMs, withoutMs }) => withMs / withoutMs - 1);
  const row = (name: string, { mean, low, high }: Interval, show: (value: number) => string): string[] => [
    name,
    show(mean),
    show(low),
    show(high),
  ];
  const columns = ['mean', '95 % from', 'to'];
  return {
    tables: [
      {
        title: `${members} nodes with a member each, ${pairs.length} times: CPU time per node and second, of one core`,
        columns: ['of', ...columns],
        rows: [
          ...kinds.map((kind) =>
            row(
              kind,
              of(({ cpu }) => cpu[kind]),
              percent,
            ),
          ),
          row('all of Stillpoint', total, percent),
        ],
      },
      {
        title: 'a step of the training',
        columns: ['step', ...columns],
        rows: [
          row(
            'with Stillpoint',
            of(({ withMs }) => withMs),
            ms,
          ),
          row(
            'without',
            of(({ withoutMs }) => withoutMs),
            ms,
          ),
          row('longer with it, pair by pair', slower, percent),
        ],
      },
    ],
    verdicts: [
      {
        level: 'target',
        what: 'CPU time of all of Stillpoint per node and second',
        found: `${percent(total.mean)} of a core`,
        asked: `at most ${percent(askedShare)}`,
        isMet: total.mean <= askedShare,
      },
      {
        level: 'target',
        what: 'what it adds to a step',
        found: `${percent(slower.mean)}, 95 % between ${percent(slower.low)} and ${percent(slower.high)}`,
        asked: `at most ${percent(askedShare)}, within ± ${percent(noiseMax)}`,
        isMet: slower.low <= askedShare && slower.high - slower.mean <= noiseMax,
      },
    ],
    data: pairs,
  };
}

const percent = (value: number): string => `${(value * 100).toFixed(2)} %`;
