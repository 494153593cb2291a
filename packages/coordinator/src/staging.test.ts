// What epochs leave in staging goes, sooner or later, whoever was not there to be told so.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { StillpointError } from '@stillpoint/protocol';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Harness, type RunningCoordinator } from './testing/harness.ts';

let harness: Harness;
let first: RunningCoordinator;

beforeEach(async () => {
  harness = await Harness.create();
  first = await harness.start();
  await first.client.run({ name: 'train', ranks: 2, nodes: 2, command: ['train'], cwd: '/' });
});

afterEach(() => harness.dispose());

const staged = (): string[] =>
  [...harness.world.nodes.values()].flatMap((node) => [...node.staging.keys()]).toSorted();

/** A published epoch, and one that is in staging only: the vault was full. */
async function publishThenStop(): Promise<void> {
  await first.client.checkpoint('train');
  harness.beforeStep = ({ step, member }) => {
    if (step === 'persist' && member === 1)
      throw new StillpointError('SP_VAULT_FULL', 'full', { remedy: 'Make room.' });
  };
  await expect(first.client.checkpoint('train', { outcome: 'stop' })).rejects.toMatchObject({
    code: 'SP_VAULT_FULL',
  });
  harness.beforeStep = () => undefined;
}

it('a new coordinator sweeps what is of no epoch or restore in flight', async () => {
  await publishThenStop();
  const [node] = harness.world.nodes.values();
  for (const key of ['train/1/0', 'restore/train/1/0', 'gone/2/0']) node?.staging.set(key, 1);
  await first.crash();
  await harness.start();
  expect(staged()).toEqual(['train/2/0', 'train/2/1']);
});

it('the images of an epoch that is removed go with it', async () => {
  await publishThenStop();
  expect(staged()).toEqual(['train/2/0', 'train/2/1']);
  await first.client.removeEpoch('train', 2);
  expect(staged()).toEqual([]);
});

it('what is in the vault of an epoch that was given up is swept by a new coordinator', async () => {
  await publishThenStop();
  const folder = join(harness.home, 'vault', 'gangs', 'train', 'epochs');
  expect((await readdir(folder)).toSorted()).toEqual(['1', '2']);
  await first.client.removeEpoch('train', 2);
  await first.crash();
  await harness.start();
  expect(await readdir(folder)).toEqual(['1']);
});
