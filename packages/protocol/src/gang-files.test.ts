// Merging the notes of a gang's members.
import { describe, expect, test } from 'vitest';
import type { FileNote } from './cut.ts';
import { mergeNotes } from './gang-files.ts';
import { memberId } from './ids.ts';

function note(path: string, changes: Partial<FileNote> = {}): FileNote {
  const isWritten = changes.writable ?? changes.sha256 !== undefined;
  return {
    path,
    inode: 7,
    device: 1,
    sizeBytes: 10,
    modifiedMs: 5,
    writable: isWritten,
    append: isWritten,
    isPrivate: false,
    ...changes,
  };
}

const merge = (...members: FileNote[][]) =>
  mergeNotes(members.map((files, index) => ({ member: memberId(index), files })));

describe('mergeNotes', () => {
  test('a file of one member stays what it is', () => {
    const { files, conflicts } = merge([note('/log', { sha256: 'a' })], []);
    expect(conflicts).toEqual([]);
    expect(files).toEqual([
      {
        path: '/log',
        inode: 7,
        device: 1,
        sizeBytes: 10,
        modifiedMs: 5,
        writable: true,
        append: true,
        sha256: 'a',
        members: [0],
      },
    ]);
  });

  test('the largest size counts, with the digest of that size', () => {
    const { files } = merge(
      [note('/log', { sizeBytes: 10, sha256: 'short' })],
      [note('/log', { sizeBytes: 12, sha256: 'long' })],
    );
    expect(files).toMatchObject([{ sizeBytes: 12, sha256: 'long', members: [0, 1] }]);
  });

  test('a file that one member reads and another writes is writable', () => {
    const { files } = merge(
      [note('/log', { sizeBytes: 20 })],
      [note('/log', { sizeBytes: 10, sha256: 'a', append: false })],
    );
    expect(files).toMatchObject([{ sizeBytes: 10, writable: true, append: false, sha256: 'a' }]);
  });

  test('a file that is only read has the largest size and no digest', () => {
    const { files } = merge([note('/data')], [note('/data', { sizeBytes: 11 })]);
    const known = { path: '/data', inode: 7, device: 1, modifiedMs: 5 };
    expect(files).toEqual([{ ...known, sizeBytes: 11, writable: false, append: false, members: [0, 1] }]);
  });

  test('private files are left out, and files are sorted', () => {
    const { files } = merge([note('/z'), note('/tmp/x', { isPrivate: true })], [note('/a')]);
    expect(files.map((file) => file.path)).toEqual(['/a', '/z']);
  });

  test('two digests of one content are a conflict that names the file', () => {
    const { files, conflicts } = merge([note('/log', { sha256: 'a' })], [note('/log', { sha256: 'b' })]);
    expect(files).toEqual([]);
    expect(conflicts).toMatchObject([{ path: '/log', kind: 'written-in-place' }]);
  });

  test('a file that is only read may be another one on another node', () => {
    expect(merge([note('/lib/x')], [note('/lib/x', { inode: 8 })]).conflicts).toEqual([]);
  });

  test('one path for two files that are written is a conflict that names it', () => {
    const { conflicts } = merge([note('/log', { sha256: 'a' })], [note('/log', { sha256: 'a', inode: 8 })]);
    expect(conflicts).toMatchObject([{ path: '/log', kind: 'ambiguous' }]);
  });

  test('a file that can be written and was not digested is a conflict', () => {
    const { conflicts } = merge([note('/log', { writable: true })]);
    expect(conflicts).toMatchObject([{ path: '/log', kind: 'undigested' }]);
  });
});
