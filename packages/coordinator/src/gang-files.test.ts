// Shared files follow the gang back and forth between epochs, and what was cut off is forgotten with the last epoch
// that needs it.
import { createHash } from 'node:crypto';
import { appendFile, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileNote } from '@stillpoint/protocol';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import type { CoordinatorClient } from './client.ts';
import type { Context } from './context.ts';
import { Harness } from './testing/harness.ts';

let harness: Harness;
let client: CoordinatorClient;
let context: Context;
let log: string;

beforeEach(async () => {
  harness = await Harness.create();
  const running = await harness.start();
  ({ client } = running);
  ({ context } = running.coordinator);
  log = join(harness.home, 'steps.log');
  await writeFile(log, '');
  harness.world.noteFiles = async () => [await noteOf(log)];
  await client.run({ name: 'train', ranks: 2, command: ['train'], cwd: '/' });
});

afterEach(() => harness.dispose());

async function noteOf(path: string): Promise<FileNote> {
  const { ino, dev, size, mtimeMs } = await stat(path);
  const sha256 = createHash('sha256')
    .update(await readFile(path))
    .digest('hex');
  return {
    path,
    inode: ino,
    device: dev,
    sizeBytes: size,
    modifiedMs: mtimeMs,
    writable: true,
    append: true,
    isPrivate: false,
    sha256,
  };
}

const text = (): Promise<string> => readFile(log, 'utf8');
const tails = (): Promise<string[]> =>
  readdir(join(harness.home, 'gangs', 'train', 'tails')).catch((): string[] => []);

it('rolls a log back, and forward again', async () => {
  await appendFile(log, 'one ');
  await client.checkpoint('train');
  await appendFile(log, 'two ');
  await client.checkpoint('train');
  await appendFile(log, 'three ');
  await client.restore('train', { epoch: 1 });
  expect(await text()).toBe('one ');
  await appendFile(log, 'other ');
  await client.checkpoint('train');
  await client.restore('train', { epoch: 2 });
  expect(await text()).toBe('one two ');
  await client.restore('train', { epoch: 3 });
  expect(await text()).toBe('one other ');
});

it('refuses a file that was changed in place, by name, before anything is ended', async () => {
  await appendFile(log, 'one ');
  await client.checkpoint('train');
  await writeFile(log, 'ONE two ');
  await expect(client.restore('train')).rejects.toMatchObject({
    code: 'SP_FILE_CHANGED',
    message: expect.stringContaining(log),
  });
  expect(harness.world.running('train')).toHaveLength(2);
  expect(await client.showGang('train')).toMatchObject({ incarnation: 1, state: 'running' });
  await client.restore('train', { files: 'keep' });
  expect(await text()).toBe('ONE two ');
});

it('forgets what was cut off once no epoch needs it', async () => {
  for (const word of ['one ', 'two ']) {
    await appendFile(log, word);
    await client.checkpoint('train');
  }
  await client.restore('train', { epoch: 1 });
  expect(await tails()).toHaveLength(1);
  await appendFile(log, 'other ');
  await client.checkpoint('train');
  await client.removeEpoch('train', 1);
  await client.removeEpoch('train', 2);
  await client.restore('train');
  expect(await text()).toBe('one other ');
  expect(await tails()).toEqual([]);
});

it('is left between two files where the restore is, and goes on with the next one', async () => {
  const second = join(harness.home, 'z.log');
  await writeFile(second, 'one ');
  await appendFile(log, 'one ');
  harness.world.noteFiles = async () => [await noteOf(log), await noteOf(second)];
  await client.checkpoint('train');
  for (const path of [log, second]) await appendFile(path, 'two ');
  const { undo } = context.store;
  const add = undo.add.bind(undo);
  vi.spyOn(undo, 'add').mockImplementationOnce(async (...record) => {
    await add(...record);
    void context.gangs.get('train').interrupt('somebody else');
  });
  await expect(client.restore('train')).rejects.toMatchObject({ code: 'SP_INTERRUPTED' });
  expect(await readFile(second, 'utf8')).toBe('one two ');
  expect(harness.world.members('train')).toEqual([]);
  await client.restore('train');
  expect([await text(), await readFile(second, 'utf8')]).toEqual(['one ', 'one ']);
});

it.each(['refuse', 'save'] as const)(
  'makes no epoch of members that saw different contents of one file, under --files %s',
  async (files) => {
    let members = 0;
    harness.world.noteFiles = async () => [{ ...(await noteOf(log)), sha256: `seen by ${(members += 1)}` }];
    await expect(client.checkpoint('train', { files })).rejects.toMatchObject({
      code: 'SP_FILES_IN_CONFLICT',
      message: expect.stringContaining(`${log} was written in place`),
    });
    expect(harness.world.running('train')).toHaveLength(2);
    expect(await harness.vault.list('train')).toEqual([]);
  },
);

it('leaves files on which members do not agree as they are, under --files keep', async () => {
  let members = 0;
  harness.world.noteFiles = async () => [{ ...(await noteOf(log)), sha256: `seen by ${(members += 1)}` }];
  await client.checkpoint('train', { files: 'keep' });
  await appendFile(log, 'later');
  await expect(client.restore('train')).rejects.toMatchObject({ code: 'SP_EPOCH_DAMAGED' });
  await client.restore('train', { files: 'keep' });
  expect(await text()).toBe('later');
});
