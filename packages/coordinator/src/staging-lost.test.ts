// Epochs that are committed and not in the vault yet, when what is staged goes: they are lost at once and say so, and
// the gang can be restored from what the vault has.
import { StillpointError } from '@stillpoint/protocol';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { CoordinatorClient } from './client.ts';
import { Harness, type RunningCoordinator } from './testing/harness.ts';

let harness: Harness;
let first: RunningCoordinator;

beforeEach(async () => {
  harness = await Harness.create();
  first = await harness.start();
  await first.client.run({ name: 'train', ranks: 2, nodes: 2, command: ['train'], cwd: '/' });
  setValues(10);
  await first.client.checkpoint('train');
  setValues(20);
});

afterEach(() => harness.dispose());

const until = (check: () => void | Promise<void>): Promise<void> =>
  vi.waitFor(check, { timeout: 10_000, interval: 5 });
const values = (): number[] => harness.world.members('train').map(({ value }) => value);
const setValues = (value: number): void => {
  for (const member of harness.world.members('train')) member.value = value + member.member;
};
const states = async (client: CoordinatorClient): Promise<string[]> =>
  (await client.listEpochs('train')).map(({ state }) => state);

/** A power cut, once the step of member 0 is reached; the machine comes back with a new coordinator. */
async function powerCutAt(step: string): Promise<RunningCoordinator> {
  const reached = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  harness.beforeStep = async (begun) => {
    if (begun.step !== step || begun.member !== 0) return;
    reached.resolve();
    await gate.promise;
    throw new Error('the power is gone');
  };
  const ended = first.client.checkpoint('train', { outcome: 'stop' }).catch((error: unknown) => error);
  await reached.promise;
  await first.crash();
  for (const node of ['n1', 'n2']) await harness.killNode(node);
  gate.resolve();
  await ended;
  harness.beforeStep = () => undefined;
  return harness.start();
}

/** Stops the gang by an epoch that can't be written to the vault. */
async function stopInStaging(): Promise<void> {
  harness.beforeStep = ({ step }) => {
    if (step !== 'persist') return;
    throw new StillpointError('SP_TEST_FULL', 'the vault is full', { remedy: 'None.' });
  };
  await expect(first.client.checkpoint('train', { outcome: 'stop' })).rejects.toMatchObject({
    code: 'SP_TEST_FULL',
  });
  expect(await states(first.client)).toEqual(['published', 'committed']);
  harness.beforeStep = () => undefined;
}

describe('a power cut', () => {
  it('before the image is in the vault: the epoch is lost, and the one before can be restored', async () => {
    const { client } = await powerCutAt('persist');
    await until(async () => expect(await states(client)).toEqual(['published', 'lost']));
    await client.restore('train');
    expect(values()).toEqual([10, 11]);
  });

  it('after the manifest was written: the epoch is published', async () => {
    const { client } = await powerCutAt('forget');
    await until(async () => expect(await states(client)).toEqual(['published', 'published']));
    await client.restore('train');
    expect(values()).toEqual([20, 21]);
    // what was told of it is in the manifest too
    const [before, after] = await client.listEpochs('train');
    expect(after?.bytes).toEqual(before?.bytes);
    const { ranks } = await client.logs('train');
    expect(ranks.map(({ segments: [stdout] }) => stdout)).toMatchObject([
      { fromBytes: 0, toBytes: 200, live: false },
      { fromBytes: 0, toBytes: 210, live: false },
    ]);
  });
});

describe('a gang that is stopped with its image in staging only', () => {
  it('is restored from there once the vault takes it', async () => {
    await stopInStaging();
    await first.client.restore('train');
    expect(values()).toEqual([20, 21]);
    expect(await states(first.client)).toEqual(['published', 'published']);
  });

  it('and runs again: the end of a member is noticed also while that image is published', async () => {
    await stopInStaging();
    await first.client.restore('train', { epoch: 1 });
    const persisting = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    harness.beforeStep = ({ step }) => {
      if (step === 'persist') persisting.resolve();
      return step === 'persist' ? gate.promise : undefined;
    };
    const restored = first.client.restore('train', { epoch: 2 }).catch((error: unknown) => error);
    await persisting.promise;
    const [node] = harness.world.nodes.values();
    for (const member of node!.members.values()) node!.exit(member, 3);
    const { context } = first.coordinator;
    await until(() => expect(context.gangs.get('train').ends.size).toBe(1));
    gate.resolve();
    await restored;
    expect(values()).toEqual([20, 21]);
  });

  it('after a reboot: its restore says that the image is lost, the next takes the epoch before', async () => {
    await stopInStaging();
    await first.crash();
    for (const node of ['n1', 'n2']) await harness.killNode(node);
    const { client } = await harness.start();
    await expect(client.restore('train')).rejects.toMatchObject({ code: 'SP_STAGING_LOST' });
    expect(await states(client)).toEqual(['published', 'lost']);
    await client.restore('train');
    expect(values()).toEqual([10, 11]);
  });

  it('after its node was killed: the same', async () => {
    await stopInStaging();
    await first.client.addNode({ name: 'n3' });
    await first.client.killNode('n2');
    await expect(first.client.restore('train')).rejects.toMatchObject({ code: 'SP_NODE_LOST' });
    await first.client.restore('train');
    expect(values()).toEqual([10, 11]);
  });
});
