// The sizes that CRIU demands of files at a restore, as against those that the files have.
import { appendFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type FileNote, type FilesPolicy, memberId } from '@stillpoint/protocol';
import { expect, test } from 'vitest';
import { imageSizes } from './image-sizes.ts';
import { scratchFolder } from './testing/scratch.ts';

/** A file as it was noted at the cut, to which somebody has written since. */
async function sizeAfterGrowth(policy: FilesPolicy, sha256?: string): Promise<bigint | undefined> {
  await using scratch = await scratchFolder();
  const path = join(scratch.path, 'log');
  await writeFile(path, '0123456789');
  const { ino, dev, size, mtimeMs } = await stat(path);
  const isWritten = sha256 !== undefined;
  const note: FileNote = {
    path,
    inode: ino,
    device: dev,
    sizeBytes: size,
    modifiedMs: mtimeMs,
    writable: isWritten,
    append: isWritten,
    isPrivate: false,
    ...(isWritten && { sha256 }),
  };
  await appendFile(path, ' late');
  return (await imageSizes([{ member: memberId(0), files: [note] }], policy)).get(path);
}

test.each(['refuse', 'save'] as const)(
  'a file of the cut has its size there, whatever was appended since (%s)',
  async (policy) => {
    expect(await sizeAfterGrowth(policy, 'a')).toBe(10n);
  },
);

test('a file that is kept has the size that it has', async () => {
  expect(await sizeAfterGrowth('keep', 'a')).toBe(15n);
});

test('a file that is only read may have grown', async () => {
  expect(await sizeAfterGrowth('refuse')).toBe(15n);
});

test('a file on which members do not agree has the size that it has: only `keep` restores it', async () => {
  await using scratch = await scratchFolder();
  const path = join(scratch.path, 'state');
  await writeFile(path, '0123456789');
  const note = {
    path,
    inode: 1,
    device: 1,
    sizeBytes: 4,
    modifiedMs: 0,
    writable: true,
    append: false,
    isPrivate: false,
  };
  const votes = [0, 1].map((member) => ({
    member: memberId(member),
    files: [{ ...note, sha256: `seen by ${member}` }],
  }));
  expect([...(await imageSizes(votes, 'keep'))]).toEqual([[path, 10n]]);
});
