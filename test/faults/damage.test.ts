// Bytes on disk that are not those that were written: found, named, and never restored. What runs runs on.
import { readdir, readFile, stat, truncate, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { logFolder } from '@stillpoint/agent';
import type { TestGang } from '../support/gang.ts';
import { refusal } from '../support/refusal.ts';
import { type Stillpoint, startStillpoint } from '../support/stillpoint.ts';
import { until } from '../support/until.ts';

const command = ['files.py', '--steps', '2000', '--step-ms', '20'] as const;

/** Files of an epoch in the vault, as paths below the vault. */
async function storedFiles({ paths }: Stillpoint, gang: string, epoch: number): Promise<string[]> {
  const folder = join('gangs', gang, 'epochs', String(epoch));
  const entries = await readdir(join(paths.vault, folder), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(paths.vault.length + 1))
    .toSorted();
}

/** Changes a file for as long as some work lasts. */
async function withChanged(
  path: string,
  change: (content: Buffer) => Buffer,
  work: () => Promise<void>,
): Promise<void> {
  const content = await readFile(path);
  await writeFile(path, change(Buffer.from(content)));
  try {
    await work();
  } finally {
    await writeFile(path, content);
  }
}

function flipMiddle(content: Buffer): Buffer {
  const at = Math.floor(content.length / 2);
  content[at] = content[at]! ^ 0x10;
  return content;
}

const cutShort = (content: Buffer): Buffer => content.subarray(0, Math.floor(content.length / 2));

/** The epoch is refused as damaged, and the gang runs on as it is. */
async function expectRefused(sp: Stillpoint, gang: TestGang, epoch: number, file: string): Promise<void> {
  const { incarnation } = await gang.show();
  const { problems } = await sp.client.verify(gang.name, epoch);
  expect([file, problems.length]).toEqual([file, 1]);
  const error = await gang.restore({ epoch }).catch((refused: unknown) => refused);
  expect([file, error]).toMatchObject([
    file,
    { code: expect.stringMatching(/^SP_(EPOCH_DAMAGED|VAULT_CORRUPT)$/) },
  ]);
  expect(await gang.show()).toMatchObject({ state: 'running', incarnation });
}

test('a flipped byte in any stored file: found by `verify`, refused by `restore`', async () => {
  await using sp = await startStillpoint();
  const gang = await sp.run({ ranks: 2, nodes: 1, command });
  await gang.goOn(1);
  const { epoch: whole } = await gang.checkpoint();
  await gang.goOn(1);
  const { epoch } = await gang.checkpoint();
  const files = await storedFiles(sp, gang.name, epoch);
  expect(files.filter((name) => name.endsWith('manifest.json')).length).toBe(1);
  expect(files.length).toBeGreaterThan(20);
  for (const file of files)
    await withChanged(join(sp.paths.vault, file), flipMiddle, () => expectRefused(sp, gang, epoch, file));

  const pages = files.find((name) => name.includes('pages-')) ?? '';
  await withChanged(join(sp.paths.vault, pages), flipMiddle, async () => {
    const verified = await sp.cli('verify', `${gang.name}@${epoch}`);
    expect([verified.code, verified.stdout]).toEqual([1, expect.stringContaining('pages-')]);
    expect(await refusal(sp, 'restore', `${gang.name}@${epoch}`)).toMatchObject({
      message: expect.stringContaining('pages-'),
      remedy: expect.stringContaining('stillpoint verify'),
    });
    // an earlier one is there
    expect(await gang.restore({ epoch: whole })).toMatchObject({ epoch: whole });
    await gang.goOn(1);
  });
  expect(await gang.restore({ epoch })).toMatchObject({ epoch });
  await gang.goOn(1);
});

test('a manifest that is cut short, empty or gone; a stored file that is gone', async () => {
  await using sp = await startStillpoint();
  const gang = await sp.run({ ranks: 1, command });
  await gang.goOn(1);
  const { epoch } = await gang.checkpoint();
  const files = await storedFiles(sp, gang.name, epoch);
  const manifest = join(sp.paths.vault, files.find((name) => name.endsWith('manifest.json')) ?? '');
  for (const change of [cutShort, () => Buffer.alloc(0)])
    await withChanged(manifest, change, () => expectRefused(sp, gang, epoch, 'manifest.json'));
  const core = join(sp.paths.vault, files.find((name) => name.includes('core-')) ?? '');
  for (const file of [manifest, core]) {
    const content = await readFile(file);
    await unlink(file);
    for (const verb of ['restore', 'verify'])
      expect(await sp.cli(verb, `${gang.name}@${epoch}`)).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(new RegExp(`epoch ${epoch}\\b.*\n.*→`)),
      });
    await writeFile(file, content);
  }
  expect(await gang.show()).toMatchObject({ state: 'running', incarnation: 1 });
  await gang.restore();
  await gang.goOn(1);
});

test('of a gang that has ended the damaged epoch is not brought back; nothing is started from nothing', async () => {
  await using sp = await startStillpoint();
  const gang = await sp.run({ ranks: 2, command });
  await gang.goOn(1);
  const { epoch: whole } = await gang.checkpoint();
  await gang.goOn(1);
  const { epoch } = await gang.checkpoint({ outcome: 'stop' });
  const files = await storedFiles(sp, gang.name, epoch);
  const pages = files.findLast((name) => name.includes('pages-')) ?? '';
  await withChanged(join(sp.paths.vault, pages), flipMiddle, async () => {
    const error = await refusal(sp, 'restore', gang.name);
    expect(error).toMatchObject({ code: 'SP_VAULT_CORRUPT', message: expect.stringContaining('pages-') });
    expect((await gang.show()).state).toMatch(/^(stopped|failed)$/);
    await sp.untilNoMembers();
    await gang.restore({ epoch: whole });
    await gang.goOn(1);
  });
  expect(await gang.restore({ epoch })).toMatchObject({ epoch });
  await gang.goOn(1);
});

test('a ledger with a flipped byte: nothing is answered from it, the ranks run on, and it can be put back', async () => {
  await using sp = await startStillpoint();
  const gang = await sp.run({ ranks: 2, command });
  await gang.goOn(1);
  const { epoch } = await gang.checkpoint();
  await sp.killCoordinator();
  const [name = ''] = await readdir(sp.paths.ledger);
  const ledger = join(sp.paths.ledger, name);
  await withChanged(ledger, flipMiddle, async () => {
    for (const verb of [['ps'], ['checkpoint', gang.name], ['restore', gang.name]])
      expect(await refusal(sp, ...(verb as [string]))).toMatchObject({
        code: 'SP_LEDGER_CORRUPT',
        message: expect.stringMatching(new RegExp(`${ledger}.* byte \\d+`)),
        remedy: expect.stringContaining(ledger),
      });
    const log = join(logFolder(sp.paths, gang.name, 1), '0.out');
    const { size } = await stat(log);
    await until(async () => (await stat(log)).size > size || undefined, 'another step of rank 0');
  });
  await sp.ok('ps');
  expect(await gang.show()).toMatchObject({ state: 'running', incarnation: 1, lastPublishedEpoch: epoch });
  await gang.checkpoint();
  await gang.restore();
  await gang.goOn(1);
});

test('a record that a power cut has torn is the last one, and is left out', async () => {
  await using sp = await startStillpoint();
  const gang = await sp.run({ ranks: 1, command });
  await gang.goOn(1);
  const { epoch } = await gang.checkpoint();
  await gang.stop();
  await sp.cutPower();
  const [name = ''] = await readdir(sp.paths.ledger);
  const ledger = join(sp.paths.ledger, name);
  await truncate(ledger, (await stat(ledger)).size - 3);
  await sp.ok('ps');
  expect((await gang.epochs()).at(-1)).toMatchObject({ epoch, state: 'published' });
  await gang.restore();
  await gang.goOn(1);
});
