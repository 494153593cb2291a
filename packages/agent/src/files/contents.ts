// Stores the content of files with an epoch, for the policy `save`: files that are written in place can be put back.
import { createHash } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { FileNote } from '@stillpoint/protocol';
import { largestOf, needsDigest } from './digest.ts';
import { errorCode, FileChanged, fileError } from './errors.ts';
import { forEachBounded, openToRead, readRange, syncFolder, withDeadline, writeAll } from './io.ts';
import { fileLimits } from './limits.ts';
import { fileProblem } from './problems.ts';

/** One stored content. Its name in the folder is its SHA-256. */
export interface SavedContent {
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
}

/** What one member stored, and where it lies now. */
export interface SavedContents {
  readonly folder: string;
  readonly contents: readonly SavedContent[];
}

/**
 * Copies the first `sizeBytes` bytes of every file that a member shares and can write into a folder, durably. Files
 * written in place must be stored before the member is released; those that are only appended to may be later.
 * @throws FileChanged, FilesNoRoom, FilesTimeout, FileFailed; the folder is then to be removed
 */
export async function saveContents(
  notes: readonly FileNote[],
  options: { readonly root: string; readonly to: string; readonly deadlineMs?: number },
): Promise<SavedContent[]> {
  const { root, to } = options;
  const saved: SavedContent[] = [];
  await mkdir(to, { recursive: true });
  await withDeadline(
    (signal) =>
      forEachBounded(notes.filter(needsDigest), async (note) => {
        saved.push(await saveContent(note, root, to, signal));
      }),
    options.deadlineMs ?? fileLimits.digestMs,
    `storing the files of a member${largestOf(notes)}`,
  );
  await syncFolder(to);
  return saved.toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

async function saveContent(
  note: FileNote,
  root: string,
  to: string,
  signal: AbortSignal,
): Promise<SavedContent> {
  const { path, sizeBytes, inode, device } = note;
  const partial = join(to, `${device}-${inode}.partial`);
  try {
    await using source = await openToRead(root + path);
    const state = await source.stat();
    if (state.ino !== inode || state.dev !== device) throw new FileChanged([fileProblem(path, 'replaced')]);
    await using target = await open(partial, 'w', 0o600);
    const hash = createHash('sha256');
    let bytes = 0;
    for await (const chunk of readRange(source, 0, sizeBytes, signal)) {
      hash.update(chunk);
      await writeAll(target, chunk, bytes);
      bytes += chunk.length;
    }
    if (bytes < sizeBytes) throw new FileChanged([fileProblem(path, 'shortened')]);
    await target.sync();
    const sha256 = hash.digest('hex');
    await rename(partial, join(to, sha256));
    return { path, sizeBytes, sha256, mode: state.mode & 0o7777, uid: state.uid, gid: state.gid };
  } catch (error) {
    await rm(partial, { force: true });
    if (errorCode(error) === 'ENOENT') throw new FileChanged([fileProblem(path, 'gone')]);
    throw fileError(path, error);
  }
}
