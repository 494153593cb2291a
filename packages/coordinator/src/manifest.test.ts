// An epoch is published when the vault has that epoch, and not another of its number.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Manifest } from '@stillpoint/vault';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { Harness, type RunningCoordinator } from './testing/harness.ts';

let harness: Harness;
let first: RunningCoordinator;

beforeEach(async () => {
  harness = await Harness.create();
  first = await harness.start();
  await first.client.run({ name: 'train', ranks: 1, nodes: 1, command: ['train'], cwd: '/' });
});

afterEach(() => harness.dispose());

/** As of a ledger that was put back from an older copy: the vault has the epoch, and the ledger does not know of it. */
async function publishOther(epoch: number, incarnation: number, meta: Manifest['meta']): Promise<Manifest> {
  const from = join(harness.home, 'other');
  await mkdir(from);
  await writeFile(join(from, 'image'), 'of another time');
  const { files } = await harness.vault.writeMember({ gang: 'train', epoch, member: '0', from });
  const manifest: Manifest = {
    gang: 'train',
    epoch,
    incarnation,
    createdAt: new Date(0).toISOString(),
    outcome: 'resume',
    meta,
    members: [{ member: '0', files: [...files], meta: null }],
  };
  await harness.vault.publish({ gang: 'train', epoch, manifest });
  return manifest;
}

it.each([
  ['of another incarnation', 7, { fence: 1, startedAtMs: 1, members: [] }],
  ['of another time', 1, { fence: 1, startedAtMs: 1, members: [] }],
  ['that somebody else wrote', 1, null],
])('one %s is told from it and left alone, and the next number is used', async (_, incarnation, meta) => {
  const other = await publishOther(1, incarnation, meta);
  await expect(first.client.checkpoint('train')).rejects.toMatchObject({
    code: 'SP_EPOCH_NUMBER_TAKEN',
    message: expect.stringContaining('another one is there'),
    retryable: false,
  });
  const [lost] = await first.client.listEpochs('train');
  expect(lost).toMatchObject({ epoch: 1, state: 'lost' });
  await expect(first.client.restore('train', { epoch: 1 })).rejects.toMatchObject({
    code: 'SP_EPOCH_NOT_PUBLISHED',
  });
  expect(await harness.vault.readManifest('train', 1)).toEqual(other);
  expect(await first.client.checkpoint('train')).toMatchObject({ epoch: 2, state: 'published' });
  expect(await harness.vault.list('train')).toEqual([1, 2]);
});

it.each([
  ['before its members are stored', 'preflight', 'SP_VAULT_ALREADY_PUBLISHED'],
  ['before its manifest is written', 'publish', 'SP_EPOCH_NUMBER_TAKEN'],
])('one that gets in the way of a migration %s ends it: no waiting would help', async (_, at, code) => {
  await first.client.addNode({ name: 'n2' });
  if (at === 'preflight') await publishOther(1, 7, null);
  const publish = harness.vault.publish.bind(harness.vault);
  vi.spyOn(harness.vault, 'publish').mockImplementationOnce(async (request) => {
    await publish({ ...request, manifest: { ...request.manifest, incarnation: 7 } });
    await publish(request);
  });
  await expect(first.client.migrate('train', { from: 'n1' })).rejects.toMatchObject({ code });
  const gang = first.coordinator.context.gangs.get('train');
  await vi.waitFor(() => expect(gang.move).toBeUndefined(), { timeout: 10_000, interval: 5 });
  expect(await first.client.wait('train')).toMatchObject({ state: 'stopped' });
  // given up by hand, nothing of the gang is needed any more
  await first.client.removeEpoch('train', 1);
  expect(gang.needsNodes).toBe(false);
});

it('one that can not be read is lost, and the coordinator goes on', async () => {
  await publishOther(1, 1, null);
  await writeFile(join(harness.home, 'vault', 'gangs', 'train', 'epochs', '1', 'manifest.json'), 'torn');
  await expect(first.client.checkpoint('train')).rejects.toMatchObject({ code: 'SP_VAULT_CORRUPT' });
  expect(await first.client.checkpoint('train')).toMatchObject({ epoch: 2, state: 'published' });
});
