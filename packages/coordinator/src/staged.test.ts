// Epochs whose only image is on their nodes: nothing takes the nodes down with them.
import { StillpointError } from '@stillpoint/protocol';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Harness, type RunningCoordinator } from './testing/harness.ts';
import { requireNothingOnNodes } from './verbs.ts';

let harness: Harness;
let first: RunningCoordinator;

beforeEach(async () => {
  harness = await Harness.create();
  first = await harness.start();
  await first.client.run({ name: 'train', ranks: 2, nodes: 2, command: ['train'], cwd: '/' });
});

afterEach(async () => {
  await harness.dispose();
});

const until = (check: () => void): Promise<void> => vi.waitFor(check, { timeout: 10_000, interval: 5 });
const isNeeded = ({ coordinator }: RunningCoordinator): boolean =>
  coordinator.context.gangs.list().some((gang) => gang.needsNodes);
const shutdown = ({ client }: RunningCoordinator): Promise<unknown> =>
  client.shutdown().catch((error: unknown) => error);

/** The vault takes nothing: the gang is stopped, and its image stays where it was made. */
async function stopWithFullVault(): Promise<void> {
  harness.beforeStep = ({ step }) => {
    if (step === 'persist') throw new StillpointError('SP_VAULT_FULL', 'full', { remedy: 'Make room.' });
  };
  await expect(first.client.checkpoint('train', { outcome: 'stop' })).rejects.toMatchObject({
    code: 'SP_VAULT_FULL',
  });
  harness.beforeStep = () => undefined;
}

describe('a drain', () => {
  it('does not say that its node can go while the only image of a stopped gang is there', async () => {
    await stopWithFullVault();
    for (const node of ['n1', 'n2'])
      await expect(first.client.drainNode(node)).rejects.toMatchObject({
        code: 'SP_EPOCH_UNPUBLISHED',
        message: expect.stringContaining('epoch 1 of train is not in the vault yet'),
      });
    await first.client.addNode({ name: 'n3' });
    expect(await first.client.drainNode('n3')).toEqual({ node: 'n3', moved: [] });
    await first.client.removeEpoch('train', 1);
    expect(await first.client.drainNode('n2')).toEqual({ node: 'n2', moved: [] });
  });

  it('does not say so while the image is on its way to the vault', async () => {
    const gate = Promise.withResolvers<void>();
    harness.beforeStep = ({ step }) => (step === 'persist' ? gate.promise : undefined);
    await first.client.checkpoint('train', { outcome: 'stop', until: 'committed' });
    await expect(first.client.drainNode('n2')).rejects.toMatchObject({ code: 'SP_EPOCH_UNPUBLISHED' });
    gate.resolve();
    await until(() => expect(isNeeded(first)).toBe(false));
    expect(await first.client.drainNode('n2')).toEqual({ node: 'n2', moved: [] });
  });
});

describe('shutdown, and a coordinator that nobody asks anything,', () => {
  it('leave the nodes of a stopped gang alone until its epoch is in the vault', async () => {
    const gate = Promise.withResolvers<void>();
    harness.beforeStep = ({ step }) => (step === 'persist' ? gate.promise : undefined);
    await first.client.checkpoint('train', { outcome: 'stop', until: 'committed' });
    expect(harness.world.members('train')).toEqual([]);
    expect(await shutdown(first)).toMatchObject({
      code: 'SP_EPOCH_UNPUBLISHED',
      message: 'epoch 1 of train is not in the vault yet',
    });
    expect(isNeeded(first)).toBe(true);
    gate.resolve();
    await until(() => expect(isNeeded(first)).toBe(false));
    expect(await harness.vault.list('train')).toEqual([1]);
    requireNothingOnNodes(first.coordinator);
  });

  it('leave them alone while the vault was full, also under a successor; a restore publishes it first', async () => {
    await stopWithFullVault();
    expect(await shutdown(first)).toMatchObject({ code: 'SP_EPOCH_UNPUBLISHED' });
    await first.close();
    const second = await harness.start();
    expect(isNeeded(second)).toBe(true);
    expect(await shutdown(second)).toMatchObject({ code: 'SP_EPOCH_UNPUBLISHED' });
    await second.client.restore('train');
    expect(await harness.vault.list('train')).toEqual([1]);
    await second.client.stop('train');
    expect(isNeeded(second)).toBe(false);
  });

  it('do not wait for an epoch that was given up', async () => {
    await stopWithFullVault();
    await first.client.removeEpoch('train', 1);
    expect(isNeeded(first)).toBe(false);
    requireNothingOnNodes(first.coordinator);
  });
});
