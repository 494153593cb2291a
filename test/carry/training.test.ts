// PyTorch gangs: cut while they train, killed, brought back; every step is the one of a run that was never touched.
import { expect, test } from 'vitest';
import { carry } from '../support/carry.ts';
import { startStillpoint } from '../support/stillpoint.ts';

test('DistributedDataParallel over gloo, three members, onto other nodes', async () => {
  await using sp = await startStillpoint({ nodes: ['n1', 'n2', 'n3', 'n4', 'n5', 'n6'] });
  const gang = await carry(sp, {
    ranks: 3,
    command: ['ddp.py', '--steps', '150'],
    pace: ['--step-ms', '300'],
    cuts: 2,
    stepsBetween: 3,
    seed: 1,
    onto: ['n4', 'n5', 'n6'],
  });
  expect(await gang.show()).toMatchObject({ state: 'completed', incarnation: 2 });
  const { members } = await gang.show();
  expect(members.map(({ node }) => node)).toEqual(['n4', 'n5', 'n6']);
});

test('torchrun with two ranks in each of two members, onto other nodes', async () => {
  await using sp = await startStillpoint({ nodes: ['n1', 'n2', 'n3', 'n4'] });
  const gang = await carry(sp, {
    ranks: 2,
    ranksPerMember: 2,
    command: ['torchrun.sh', '--steps', '100'],
    pace: ['--step-ms', '400'],
    stepsBetween: 3,
    seed: 2,
    onto: ['n3', 'n4'],
  });
  expect(await gang.show()).toMatchObject({ state: 'completed', incarnation: 2 });
});

test('DataLoader with worker processes, both members onto one node', async () => {
  await using sp = await startStillpoint();
  const gang = await carry(sp, {
    ranks: 2,
    command: ['dataloader.py', '--steps', '150', '--workers', '2'],
    pace: ['--step-ms', '300'],
    cuts: 2,
    stepsBetween: 3,
    seed: 3,
    onto: ['n2'],
  });
  expect(await gang.show()).toMatchObject({ state: 'completed', incarnation: 2 });
});
