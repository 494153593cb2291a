// What I/O errors become, and files that are made once.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { diskError, readText, writeOnce } from './disk.ts';
import { VaultInvalidError } from './errors.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vault-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const ioError = (code: string): Error =>
  Object.assign(new Error(`${code}: it failed`), { code, syscall: 'write' });

test.for([
  ['ENOSPC', 'SP_VAULT_FULL', true],
  ['EDQUOT', 'SP_VAULT_FULL', true],
  ['EIO', 'SP_VAULT_UNAVAILABLE', false],
  ['EROFS', 'SP_VAULT_UNAVAILABLE', false],
  ['EACCES', 'SP_VAULT_UNAVAILABLE', false],
  ['EMFILE', 'SP_VAULT_UNAVAILABLE', true],
] as const)('%s is %s, naming the path and a remedy', ([code, expected, retryable]) => {
  const error = diskError('/vault/gangs/a', ioError(code));
  expect(error).toMatchObject({ code: expected, retryable });
  expect(error.message).toContain('/vault/gangs/a');
  expect(error).toHaveProperty('remedy', expect.stringContaining('/vault/gangs/a'));
});

test('errors that are not of the disk stay what they are', () => {
  for (const error of [new VaultInvalidError('x'), new TypeError('a bug')]) {
    expect(diskError('/vault', error)).toBe(error);
  }
});

test('of many writers of one file one makes it, whole, and no draft is left', async () => {
  const path = join(folder, 'once.json');
  const texts = Array.from({ length: 10 }, (_, writer) => String(writer).repeat(10_000));
  const made = await Promise.all(texts.map(async (text) => await writeOnce(path, text)));
  expect(made.filter(Boolean)).toHaveLength(1);
  expect(await readFile(path, 'utf8')).toBe(texts[made.indexOf(true)]);
  expect(await readdir(folder)).toEqual(['once.json']);
});

test('a document that is too large is not read', async () => {
  const path = join(folder, 'large');
  await writeOnce(path, 'x'.repeat(101));
  expect(await readText(path, 101)).toHaveLength(101);
  expect(await readText(path, 100)).toBe('');
  expect(await readText(`${path}.missing`, 100)).toBeUndefined();
});
