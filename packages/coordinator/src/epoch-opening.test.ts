// The ledger opens an epoch and its answer is lost: nobody knows, and yet the gang can be cut again.
import { LedgerAtLimitError, LedgerUnavailableError } from '@stillpoint/ledger';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Harness, type RunningCoordinator } from './testing/harness.ts';

let harness: Harness;
let running: RunningCoordinator;

beforeEach(async () => {
  harness = await Harness.create();
  running = await harness.start();
  await running.client.run({ name: 'train', ranks: 2, nodes: 1, command: ['train'], cwd: '/' });
});
afterEach(async () => {
  await harness.dispose();
});

const unavailable = (): LedgerUnavailableError =>
  new LedgerUnavailableError('no answer', { remedy: 'Look at it.', retryable: true });
const epochs = async () =>
  (await running.client.listEpochs('train')).map(({ epoch, state }) => ({ epoch, state }));

it.each([
  ['was opened all the same', true],
  ['was not opened', false],
])('an epoch that %s is aborted, and the next one is made', async (_, isOpened) => {
  const { store } = running.coordinator.context;
  const openEpoch = store.openEpoch.bind(store);
  vi.spyOn(store, 'openEpoch').mockImplementationOnce(async (...call) => {
    if (isOpened) await openEpoch(...call);
    throw unavailable();
  });
  await expect(running.client.checkpoint('train')).rejects.toMatchObject({ code: 'SP_LEDGER_UNAVAILABLE' });
  await vi.waitFor(async () => expect(await epochs()).toEqual([{ epoch: 1, state: 'aborted' }]), 10_000);
  expect(await running.client.checkpoint('train')).toMatchObject({ epoch: 2, state: 'published' });
});

it('nobody begins another before it is known', async () => {
  const { store } = running.coordinator.context;
  const spy = vi.spyOn(store, 'openEpoch').mockRejectedValue(unavailable());
  await expect(running.client.checkpoint('train')).rejects.toMatchObject({ code: 'SP_LEDGER_UNAVAILABLE' });
  await expect(running.client.checkpoint('train')).rejects.toMatchObject({
    code: 'SP_CHECKPOINT_RUNNING',
    message: expect.stringContaining('epoch 1'),
  });
  spy.mockRestore();
  await vi.waitFor(async () => expect(await epochs()).toEqual([{ epoch: 1, state: 'aborted' }]), 10_000);
  expect(await running.client.checkpoint('train')).toMatchObject({ epoch: 2 });
});

it('one that the ledger has refused is not asked for again', async () => {
  const { store } = running.coordinator.context;
  const spy = vi.spyOn(store, 'openEpoch').mockRejectedValueOnce(new LedgerAtLimitError('ledger', 1));
  await expect(running.client.checkpoint('train')).rejects.toMatchObject({ code: 'SP_LEDGER_AT_LIMIT' });
  expect(await running.client.checkpoint('train')).toMatchObject({ epoch: 1 });
  expect(spy).toHaveBeenCalledTimes(2);
});
