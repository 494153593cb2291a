// Digests and comparisons of noted files.
import { appendFile, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { compareWithNote } from './compare.ts';
import { saveContents } from './contents.ts';
import { type DigestCache, digestFiles } from './digest.ts';
import { fileLimits } from './limits.ts';
import { scratchFolder } from './testing/scratch.ts';
import { appenderNote, sha256 } from './testing/timeline.ts';

const root = '';

/** A noted file of 10 bytes, and what was done to it afterwards. */
async function notedFile(folder: string, change?: (path: string) => Promise<void>) {
  const path = join(folder, 'log');
  await writeFile(path, '0123456789');
  const note = await appenderNote(path);
  await change?.(path);
  return note;
}

const replace = async (path: string): Promise<void> => {
  await writeFile(`${path}.new`, '0123456789');
  await rename(`${path}.new`, path);
};
const becomeLink = async (path: string): Promise<void> => {
  await rename(path, `${path}.real`);
  await symlink(`${path}.real`, path);
};

describe('digestFiles', () => {
  test('digests the first bytes of files that are written and shared, and no others', async () => {
    await using scratch = await scratchFolder();
    const written = await notedFile(scratch.path, (path) => appendFile(path, 'grown since'));
    const isRead = { ...written, path: '/read', writable: false };
    const isPrivate = { ...written, path: '/private', isPrivate: true };
    expect(await digestFiles([isRead, written, isPrivate], { root })).toEqual([
      isRead,
      { ...written, sha256: sha256('0123456789') },
      isPrivate,
    ]);
  });

  test('digests more than one chunk', async () => {
    await using scratch = await scratchFolder();
    const content = Buffer.alloc(fileLimits.chunkBytes * 2 + 5, 'stillpoint');
    const note = await notedFile(scratch.path, (path) => writeFile(path, content));
    const [digested] = await digestFiles([{ ...note, sizeBytes: content.length }], { root });
    expect(digested?.sha256).toBe(sha256(content));
  });

  test('reads a file that two members share once', async () => {
    await using scratch = await scratchFolder();
    const cache: DigestCache = new Map();
    const note = await notedFile(scratch.path);
    const [first] = await digestFiles([note], { root, cache });
    await rm(note.path);
    expect(await digestFiles([note], { root, cache })).toEqual([first]);
  });

  test.each([
    ['gone', rm],
    ['replaced', replace],
    ['replaced', becomeLink],
    ['shortened', (path: string) => truncate(path, 9)],
  ])('refuses a file that is %s', async (kind, change) => {
    await using scratch = await scratchFolder();
    const note = await notedFile(scratch.path, change);
    const refused = { code: 'SP_FILE_CHANGED', problems: [{ path: note.path, kind }] };
    await expect(digestFiles([note], { root })).rejects.toMatchObject(refused);
  });

  test('ends at its deadline', async () => {
    await using scratch = await scratchFolder();
    const note = await notedFile(scratch.path, (path) => truncate(path, 2 ** 40));
    const digesting = digestFiles([{ ...note, sizeBytes: 2 ** 40 }], { root, deadlineMs: 20 });
    await expect(digesting).rejects.toMatchObject({ code: 'SP_FILES_TIMEOUT' });
  });
});

describe('compareWithNote', () => {
  test.each([
    ['unchanged', undefined],
    ['grown', (path: string) => appendFile(path, 'x')],
  ])('has nothing against a file that is %s', async (_, change) => {
    await using scratch = await scratchFolder();
    expect(await compareWithNote([await notedFile(scratch.path, change)], { root })).toEqual([]);
  });

  test.each([
    ['gone', rm],
    ['replaced', replace],
    ['replaced', becomeLink],
    ['shortened', (path: string) => truncate(path, 9)],
  ])('names a file that is %s', async (kind, change) => {
    await using scratch = await scratchFolder();
    const note = await notedFile(scratch.path, change);
    const message = expect.stringContaining(note.path);
    expect(await compareWithNote([note], { root })).toEqual([{ path: note.path, kind, message }]);
  });
});

describe('saveContents', () => {
  test('stores what was noted, with what is needed to make the file anew', async () => {
    await using scratch = await scratchFolder();
    const note = await notedFile(scratch.path, (path) => appendFile(path, 'grown since'));
    const to = join(scratch.path, 'saved');
    const saved = await saveContents([note, { ...note, path: '/read', writable: false }], { root, to });
    expect(saved).toEqual([
      { path: note.path, sizeBytes: 10, sha256: sha256('0123456789'), mode: 0o644, uid: 0, gid: 0 },
    ]);
    expect(await readFile(join(to, sha256('0123456789')), 'utf8')).toBe('0123456789');
  });

  test('refuses a file that is replaced', async () => {
    await using scratch = await scratchFolder();
    const note = await notedFile(scratch.path, replace);
    const saving = saveContents([note], { root, to: join(scratch.path, 'saved') });
    await expect(saving).rejects.toMatchObject({ code: 'SP_FILE_CHANGED' });
  });
});
