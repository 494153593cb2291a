// What becomes of a gang that is cut: it runs on, or it ends with its image safe; and both can be brought back.
import { expect, test } from 'vitest';
import { startStillpoint } from '../support/stillpoint.ts';
import { referenceOf } from '../workloads/harness.ts';

const mesh = ['build/mesh', '--messages', '2000'] as const;
const pace = ['--rate-mb', '8'];

test('resume: the gang runs on, and what it does after the cut is undone by a restore', async () => {
  await using sp = await startStillpoint();
  const gang = await sp.run({ ranks: 2, command: mesh, pace });
  await gang.untilStep(2);
  const first = await gang.checkpoint();
  expect(first).toMatchObject({ epoch: 1, outcome: 'resume', state: 'published', trigger: 'manual' });
  expect(first.stallMs).toBeGreaterThan(0);
  expect(first.bytes?.raw).toBeGreaterThan(first.bytes?.stored ?? Infinity);
  await gang.goOn(3);
  expect(await gang.show()).toMatchObject({ state: 'running', incarnation: 1, lastPublishedEpoch: 1 });
  const restored = await gang.restore();
  expect(restored).toMatchObject({ epoch: 1, incarnation: 2 });
  expect(await gang.show()).toMatchObject({ state: 'running', incarnation: 2, restoredFrom: 1 });
  await gang.finish();
  await gang.expectSameAs(await referenceOf({ members: 2, command: mesh, gang: gang.name }));
});

test('stop: the gang has ended when the verb has, nothing of it is left, and it goes on from the cut', async () => {
  await using sp = await startStillpoint();
  const gang = await sp.run({ ranks: 2, command: mesh, pace });
  await gang.untilStep(2);
  const epoch = await sp.ok('checkpoint', gang.name, '--stop');
  expect(epoch).toBe('1\n');
  expect(await gang.show()).toMatchObject({ state: 'stopped', lastPublishedEpoch: 1 });
  await sp.untilNoMembers();
  const atCut = await gang.steps();
  await sp.ok('restore', gang.name);
  await gang.goOn(1);
  expect((await gang.steps()).map((steps, rank) => steps.slice(0, atCut[rank]?.length))).toEqual(atCut);
  await gang.finish();
  await gang.expectSameAs(await referenceOf({ members: 2, command: mesh, gang: gang.name }));
});

test('an epoch is restored twice, over itself while it runs, and numbers only grow', async () => {
  await using sp = await startStillpoint();
  const gang = await sp.run({ ranks: 2, command: mesh, pace });
  const epochs: number[] = [];
  for (let cut = 0; cut < 3; cut += 1) {
    await gang.goOn(2);
    epochs.push((await gang.checkpoint()).epoch);
  }
  expect(await gang.restore({ epoch: epochs[1]! })).toMatchObject({ epoch: 2, incarnation: 2 });
  await gang.goOn(2);
  expect(await gang.restore({ epoch: epochs[1]! })).toMatchObject({ epoch: 2, incarnation: 3 });
  await gang.goOn(2);
  epochs.push((await gang.checkpoint()).epoch);
  // the newest one, whichever incarnation it is of
  expect(await gang.restore()).toMatchObject({ epoch: 4, incarnation: 4 });
  await gang.goOn(1);
  expect(await gang.restore({ epoch: epochs[2]! })).toMatchObject({ epoch: 3, incarnation: 5 });
  epochs.push((await gang.checkpoint()).epoch);
  expect(epochs).toEqual([1, 2, 3, 4, 5]);
  expect((await gang.epochs()).map(({ epoch, incarnation }) => [epoch, incarnation])).toEqual([
    [1, 1],
    [2, 1],
    [3, 1],
    [4, 3],
    [5, 5],
  ]);
  await gang.finish();
  await gang.expectSameAs(await referenceOf({ members: 2, command: mesh, gang: gang.name }));
});

test.each([
  ['completed', 0, ['exit7.py', '--steps', '5', '--code', '0']],
  ['failed', 7, ['exit7.py', '--steps', '5', '--only-rank', '1']],
] as const)('a gang that has %s: `wait` ends with %i', async (state, code, command) => {
  await using sp = await startStillpoint();
  const gang = await sp.run({ ranks: 2, nodes: 1, command });
  const waited = await sp.cli('wait', gang.name);
  expect(waited.code).toBe(code);
  expect(waited.stderr).toContain(`gang is ${state}`);
  expect(await gang.show()).toMatchObject({ state, exitCode: code });
  await sp.untilNoMembers();
});
