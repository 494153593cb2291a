// Whether a member that does not wait for the others notices that another's dump is slow; beside a checkpoint in which
// all are frozen until the last dump has ended.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { memberHostname } from '@stillpoint/agent';
import { dumpBare } from './lib/bare-dump.ts';
import { limits } from './lib/limits.ts';
import { type Benchmark, type BenchOptions, ms, type Result } from './lib/report.ts';
import { rotate } from './lib/rotate.ts';
import { findSandboxes, setFrozen } from './lib/sandboxes.ts';
import { makeSlowCriu, whileSlow } from './lib/slow-criu.ts';
import { summarize } from './lib/statistics.ts';
import { longestGapMs, normalStepMs, type StepEnds } from './lib/steps.ts';
import { python, Training } from './lib/training.ts';
import { startWorld, type World } from './lib/world.ts';

const members = 3;
const slowMember = 2;
const slowedMs = 2000;
/** What the slow dump may add to the others' stall. */
const noticeMs = 100;
const stepMs = 10;
const workload = join(import.meta.dirname, 'workloads', 'asynchronous.py');

const ways = ['plain', 'slowed', 'together'] as const;

/** How long each member stood still: the longest time between two steps of its own, less a normal step. */
type Round = Readonly<Record<(typeof ways)[number], readonly number[]>>;

export const earlyRelease: Benchmark = {
  name: 'early-release',
  summary: 'the stall of members that do not wait for one whose dump takes 2 s longer',
  run: async ({ signal, quick, rounds = quick ? 2 : 7, note }: BenchOptions) => {
    await using world = await startWorld(signal, (work) => makeSlowCriu(work, slowedMs));
    note('starting');
    const training = await Training.start(world, {
      name: 'early',
      members,
      program: (cwd) => [python, workload, '--step-ms', String(stepMs), '--times', `${cwd}/times.{rank}`],
    });
    const slowly = (stop: () => Promise<void>): Promise<void> =>
      whileSlow(world.work, memberHostname(training.name, slowMember), stop);
    const measure: Record<(typeof ways)[number], () => Promise<number[]>> = {
      plain: () => stalls(training, () => checkpoint(world, training)),
      slowed: () => stalls(training, () => slowly(() => checkpoint(world, training))),
      together: () => stalls(training, () => slowly(() => dumpTogether(world, training))),
    };
    const done: Round[] = [];
    for (let round = 0; round < rounds; round += 1) {
      note(`round ${round + 1} of ${rounds}`);
      const found: Record<(typeof ways)[number], number[]> = { plain: [], slowed: [], together: [] };
      for (const way of rotate(ways, round)) found[way] = await measure[way]();
      done.push(found);
    }
    return resultOf(done);
  },
};

async function stalls(training: Training, stop: () => Promise<void>): Promise<number[]> {
  const quietMs = Date.now();
  await training.steps(limits.quietSteps);
  const startMs = Date.now();
  await stop();
  const ends = await training.steps(2);
  const normalMs = normalStepMs(ends, quietMs, startMs);
  return ends.map((own: StepEnds) => longestGapMs([own], startMs, Date.now()) - normalMs);
}

async function checkpoint({ client, signal }: World, { name }: Training): Promise<void> {
  const { epoch } = await client.checkpoint(name, {}, { signal });
  await client.removeEpoch(name, epoch, { signal });
}

/** All are frozen, all are dumped, and all go on. */
async function dumpTogether({ paths }: World, { name }: Training): Promise<void> {
  const sandboxes = await findSandboxes(paths, name);
  await setFrozen(paths, sandboxes, true);
  try {
    const { folder } = await dumpBare(paths, sandboxes, true);
    await rm(folder, { recursive: true });
  } finally {
    await setFrozen(paths, sandboxes, false);
  }
}

function resultOf(rounds: readonly Round[]): Result {
  const fastest = (way: keyof Round) =>
    summarize(rounds.map((round) => Math.max(...round[way].filter((_, member) => member !== slowMember))));
  const slow = (way: keyof Round) => summarize(rounds.map((round) => round[way][slowMember] ?? 0));
  const [plain, slowed] = [fastest('plain'), fastest('slowed')];
  const addedMs = slowed.median - plain.median;
  const rows = [
    ['Stillpoint, nobody slow: the others', plain],
    ['Stillpoint, one slow: the others', slowed],
    ['  the slow one', slow('slowed')],
    ['frozen until all are dumped, one slow: the others', fastest('together')],
    ['  the slow one', slow('together')],
  ] as const;
  return {
    tables: [
      {
        title: `${members} members of 130 MB, ${rounds.length} rounds, member ${slowMember} dumped ${ms(slowedMs)} slower`,
        columns: ['stall', 'median', 'smallest', 'largest'],
        rows: rows.map(([name, { median, smallest, largest }]) => [
          name,
          ms(median),
          ms(smallest),
          ms(largest),
        ]),
      },
    ],
    verdicts: [
      {
        level: 'bar',
        what: 'what a slow dump adds to the stall of the others',
        found: ms(addedMs),
        asked: `at most ${ms(noticeMs)} of its ${ms(slowedMs)}`,
        isMet: addedMs <= noticeMs && slow('slowed').smallest >= slowedMs,
      },
    ],
    data: rounds,
  };
}
