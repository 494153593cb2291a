// Random histories of files that are appended to, checkpointed, restored back and forth, and killed half way. A seed
// names a history: a failure prints it.
import { appendFile, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { incarnationNumber } from '@stillpoint/protocol';
import { describe, expect, test } from 'vitest';
import { sweepTails } from './apply.ts';
import { scratchFolder } from './testing/scratch.ts';
import { FileTimeline, seededNumbers, type TakenEpoch } from './testing/timeline.ts';
import { isPrunable } from './undo-log.ts';

const appendOnly = ['append', 'append', 'checkpoint', 'restore', 'restore killed', 'forget'] as const;
const inPlace = [...appendOnly, 'overwrite', 'shorten', 'replace', 'remove'] as const;
type StepKind = (typeof inPlace)[number];

interface History {
  readonly seed: number;
  readonly steps: number;
  readonly kinds: readonly StepKind[];
  readonly policy: 'refuse' | 'save';
}

async function expectAt(timeline: FileTimeline, epoch: TakenEpoch): Promise<void> {
  for (const path of timeline.paths) {
    expect((await readFile(path)).toString()).toBe(epoch.contents.get(path)?.toString());
  }
}

/** Forgets one epoch, and the records and tails that the others do not need. */
async function forget(timeline: FileTimeline, index: number): Promise<void> {
  timeline.epochs.splice(index, 1);
  const oldest = Math.min(timeline.incarnation, ...timeline.epochs.map((epoch) => epoch.incarnation));
  timeline.records = timeline.records.filter((record) => !isPrunable(record, incarnationNumber(oldest)));
  if (timeline.records.length > 0) await sweepTails(timeline.tailFolder, timeline.records);
}

async function perform(
  timeline: FileTimeline,
  kind: StepKind,
  below: (bound: number) => number,
): Promise<void> {
  const path = timeline.paths[below(timeline.paths.length)]!;
  // two letters only: what was cut off is often written again, byte for byte or nearly so
  const bytes = Array.from({ length: below(7) }, () => 'ab'[below(2)]).join('');
  const content = await readFile(path, 'utf8').catch(() => '');
  switch (kind) {
    case 'append':
      return appendFile(path, bytes);
    case 'overwrite':
      return writeFile(path, bytes + content.slice(bytes.length));
    case 'shorten':
      await appendFile(path, '');
      return truncate(path, below(content.length + 1));
    case 'replace':
      await rm(path, { force: true });
      return writeFile(path, bytes);
    case 'remove':
      return rm(path, { force: true });
    case 'checkpoint':
      for (const each of timeline.paths) await appendFile(each, '');
      return void (await timeline.checkpoint());
    case 'forget':
      return timeline.epochs.length < 2 ? undefined : forget(timeline, below(timeline.epochs.length));
    case 'restore':
    case 'restore killed': {
      const epoch = timeline.epochs[below(Math.max(1, timeline.epochs.length))];
      if (epoch === undefined) return;
      if (kind === 'restore killed') await timeline.restore(epoch, below(12));
      await timeline.restore(epoch);
      return expectAt(timeline, epoch);
    }
  }
}

/** Plays a history and answers how many restores it had. */
async function play({ seed, steps, kinds, policy }: History): Promise<number> {
  // in memory: a thousand fsyncs cost nothing there
  await using scratch = await scratchFolder('/dev/shm');
  const below = seededNumbers(seed);
  const paths = ['one.log', 'two.log'].map((name) => join(scratch.path, name));
  for (const path of paths) await writeFile(path, '');
  const timeline = new FileTimeline(scratch.path, paths, policy);
  const played: StepKind[] = [];
  try {
    for (let step = 0; step < steps; step += 1) {
      const kind = kinds[below(kinds.length)]!;
      played.push(kind);
      await perform(timeline, kind, below);
    }
    // at the end every epoch that was not forgotten can be gone to
    for (const epoch of [...timeline.epochs].toReversed()) {
      await timeline.restore(epoch);
      await expectAt(timeline, epoch);
    }
  } catch (error) {
    throw new Error(`seed ${seed}: ${played.join(', ')}`, { cause: error });
  }
  return timeline.incarnation - 1;
}

async function playAll(seeds: number, history: Omit<History, 'seed' | 'steps'>): Promise<number> {
  let restores = 0;
  for (let seed = 1; seed <= seeds; seed += 1) restores += await play({ ...history, seed, steps: 25 });
  return restores;
}

describe('any history of', () => {
  test('files that are appended to leads back to every epoch', async () => {
    expect(await playAll(200, { kinds: appendOnly, policy: 'refuse' })).toBeGreaterThan(1000);
  });

  test('files that are changed in any way leads back to every epoch whose contents were saved', async () => {
    expect(await playAll(150, { kinds: inPlace, policy: 'save' })).toBeGreaterThan(500);
  });
});
