// Compares the files of a member with what was noted of them, after its dump.
import type { Stats } from 'node:fs';
import { lstat } from 'node:fs/promises';
import type { FileNote } from '@stillpoint/protocol';
import { errorCode, fileError } from './errors.ts';
import { forEachBounded, withDeadline } from './io.ts';
import { fileLimits } from './limits.ts';
import { type FileProblem, fileProblem } from './problems.ts';

/**
 * Says which files are not the noted ones any more, or have become shorter. Growth is allowed: another member, released
 * early, may have appended. (What stands before the noted size is the digest's business.)
 * @param options.root where the notes' paths begin: `/proc/PID/root` of the sandbox's init, or `/`
 * @throws FilesTimeout, FileFailed
 */
export async function compareWithNote(
  notes: readonly FileNote[],
  options: { readonly root: string },
): Promise<FileProblem[]> {
  const problems: FileProblem[] = [];
  const compare = async (note: FileNote): Promise<void> => {
    const problem = difference(note, await stateOf(options.root + note.path));
    if (problem !== undefined) problems.push(problem);
  };
  await withDeadline(
    () => forEachBounded(notes, compare),
    fileLimits.noteMs,
    'comparing the files of a member',
  );
  return problems.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

function difference(note: FileNote, state: Stats | undefined): FileProblem | undefined {
  if (state === undefined) return fileProblem(note.path, 'gone');
  if (!state.isFile() || state.ino !== note.inode || state.dev !== note.device)
    return fileProblem(note.path, 'replaced');
  if (state.size < note.sizeBytes) {
    return fileProblem(note.path, 'shortened', `${state.size} bytes instead of ${note.sizeBytes}`);
  }
  return undefined;
}

/** What a path is now, a symbolic link not followed; undefined when there is nothing. */
export async function stateOf(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw fileError(path, error);
  }
}
