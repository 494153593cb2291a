// Files belong to the cut: back and forth between epochs, no file ever has a byte of another timeline.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startStillpoint } from '../support/stillpoint.ts';
import { parseSteps } from '../workloads/harness.ts';

const steps = 400;
const files = ['files.py', '--steps', String(steps), '--shared', 'shared.log'] as const;
const pace = ['--step-ms', '60'];

test('logs of each member and one that all append to, back and forth between epochs', async () => {
  await using sp = await startStillpoint();
  const gang = await sp.run({ ranks: 3, command: files, pace });
  const cuts: number[] = [];
  for (let cut = 0; cut < 3; cut += 1) {
    await gang.goOn(15);
    cuts.push((await gang.checkpoint()).epoch);
  }
  await gang.goOn(10);
  // the ranks verify every byte of every file at each step
  for (const at of [0, 2, 1, 0, 2]) {
    await gang.restore({ epoch: cuts[at]! });
    await gang.goOn(15);
  }
  // a new branch, beside the one that leads to the third cut
  await gang.restore({ epoch: cuts[1]! });
  await gang.goOn(12);
  const { epoch: branch } = await gang.checkpoint();
  await gang.restore({ epoch: cuts[2]! });
  await gang.goOn(8);
  await gang.restore({ epoch: branch });
  await gang.finish();
  for (const rank of [0, 1, 2]) {
    for (const kind of ['append', 'plain']) {
      const text = await readFile(join(gang.cwd, `${kind}.${rank}.log`), 'utf8');
      const written = text
        .split('\n')
        .slice(0, -1)
        .map((line) => Number(/ step (\d+) /.exec(line)?.[1]));
      expect(written).toEqual([...Array(steps).keys()]);
    }
  }
  const shared = await readFile(join(gang.cwd, 'shared.log'), 'utf8');
  expect(shared.split('\n').length - 1).toBe(3 * steps);
});

test('`logs` shows exactly one timeline', async () => {
  await using sp = await startStillpoint();
  const gang = await sp.run({
    ranks: 2,
    command: ['build/tree', '--steps', String(steps)],
    pace,
  });
  await gang.goOn(20);
  const { epoch } = await gang.checkpoint();
  const numbers = async (rank: number): Promise<number[]> =>
    parseSteps(await sp.ok('logs', gang.name, '--rank', String(rank))).map(({ step }) => step);
  for (let round = 0; round < 3; round += 1) {
    await gang.goOn(20);
    await gang.restore({ epoch });
    for (const rank of [0, 1]) {
      const shown = await numbers(rank);
      expect(shown).toEqual([...shown.keys()]);
    }
  }
  await gang.goOn(10);
  await gang.checkpoint();
  await gang.goOn(10);
  await gang.restore();
  await gang.finish();
  for (const rank of [0, 1]) expect(await numbers(rank)).toEqual([...Array(steps).keys()]);
});
