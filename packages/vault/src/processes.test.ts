// The vault among real processes: a writer killed at any moment, and a disk that is full.
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openDirectoryVault } from './directory-vault.ts';
import { needPrivateMounts, startChild } from './testing/child.ts';
import { bytesOf, readTree, writeTree } from './testing/trees.ts';

let folder: string;
let staging: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vault-'));
  staging = join(folder, 'staging');
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const numbersAfter = (word: string, printed: string): number[] =>
  [...printed.matchAll(new RegExp(`^${word} (\\d+)$`, 'gm'))].map((match) => Number(match[1]));

test('a writer killed at any moment leaves every published epoch whole', { timeout: 120_000 }, async () => {
  const rounds = 12;
  const root = join(folder, 'vault');
  await writeTree(staging, { 'pages-1.img': bytesOf(4_500_000), 'a/core.img': bytesOf(500), b: bytesOf(0) });
  let firstEpoch = 1;
  for (let round = 0; round < rounds; round += 1) {
    const publisher = startChild(new URL('./testing/publisher.ts', import.meta.url), [
      root,
      staging,
      String(firstEpoch),
    ]);
    const steps = 1 + (round % 4);
    await vi.waitFor(() => expect(publisher.printed().split('\n').length).toBeGreaterThan(steps), {
      timeout: 30_000,
      interval: 1 + 2 * round,
    });
    publisher.process.kill('SIGKILL');
    expect(await publisher.ended).toBe('SIGKILL');

    const vault = await openDirectoryVault(root);
    const listed = await vault.list('train');
    const removed = numbersAfter('removing', publisher.printed());
    const acknowledged = numbersAfter('published', publisher.printed());
    expect(listed).toEqual(expect.arrayContaining(acknowledged.filter((epoch) => !removed.includes(epoch))));
    for (const epoch of listed) expect(await vault.verify('train', epoch)).toEqual([]);

    await vault.sweep({ inFlight: [] });
    expect(await vault.list('train')).toEqual(listed);
    const epochs = join(root, 'gangs/train/epochs');
    expect((await readdir(epochs)).map(Number).sort((a, b) => a - b)).toEqual(listed);
    for (const epoch of listed) {
      const kept = (await readdir(join(epochs, String(epoch)))).sort();
      expect(kept).toEqual(['0', '1', 'manifest.json']);
    }
    firstEpoch = 1 + Math.max(0, ...listed, ...acknowledged);
  }
  const to = join(folder, 'restored');
  await (
    await openDirectoryVault(root)
  ).readMember({ gang: 'train', epoch: firstEpoch - 1, member: '1', to });
  expect(await readTree(to)).toEqual(await readTree(staging));
});

test('a full disk is SP_VAULT_FULL, and nothing is left of what failed', async (context) => {
  needPrivateMounts(context);
  const disk = join(folder, 'disk');
  await mkdir(disk);
  await mkdir(staging);
  const child = startChild(new URL('./testing/full-disk.ts', import.meta.url), [disk, staging], {
    at: disk,
    bytes: 24 * 1024 * 1024,
  });
  expect(await child.ended).toBe(0);
  expect(child.printed()).toContain('all checked');
});
