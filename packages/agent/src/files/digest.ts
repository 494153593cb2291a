// Digests of the files that a member shares and can write, up to their size at the cut.
import type { FileNote } from '@stillpoint/protocol';
import { errorCode, FileChanged, fileError } from './errors.ts';
import { digestOf, forEachBounded, openToRead, withDeadline } from './io.ts';
import { fileLimits } from './limits.ts';
import { fileProblem } from './problems.ts';

/** Digests of one epoch by file and size: several members of a node that share a file read it once. */
export type DigestCache = Map<string, Promise<string>>;

export interface DigestOptions {
  /** Where the notes' paths begin: `/proc/PID/root` of the sandbox's init, or `/`. */
  readonly root: string;
  readonly cache?: DigestCache;
  readonly deadlineMs?: number;
}

/** Whether a note needs a digest: a member can write the file, and it is not saved with the member. */
export const needsDigest = (note: FileNote): boolean => note.writable && !note.isPrivate;

/**
 * Adds the SHA-256 of the first `sizeBytes` bytes to every note that needs one; the others pass through. It may run
 * beside the dump. A file that is written in place must be digested before its member is released; one that is only
 * appended to (`append`) may be digested later too.
 * @throws FileChanged when a file is not the noted one any more; FilesTimeout, FileFailed
 */
export async function digestFiles(notes: readonly FileNote[], options: DigestOptions): Promise<FileNote[]> {
  const cache: DigestCache = options.cache ?? new Map();
  const digested = [...notes];
  await withDeadline(
    (signal) =>
      forEachBounded([...notes.entries()], async ([index, note]) => {
        if (!needsDigest(note)) return;
        const key = `${note.device}:${note.inode}:${note.sizeBytes}`;
        const digest = cache.get(key) ?? digestNoted(note, options.root, signal);
        cache.set(key, digest);
        digested[index] = { ...note, sha256: await digest };
      }),
    options.deadlineMs ?? fileLimits.digestMs,
    `digesting the files of a member${largestOf(notes)}`,
  );
  return digested;
}

/** Names the largest file that is read, for whoever waits for it. */
export function largestOf(notes: readonly FileNote[]): string {
  const [largest] = notes.filter(needsDigest).toSorted((a, b) => b.sizeBytes - a.sizeBytes);
  return largest === undefined
    ? ''
    : `, the largest of which is ${largest.path} (${largest.sizeBytes} bytes),`;
}

async function digestNoted(note: FileNote, root: string, signal: AbortSignal): Promise<string> {
  const { path } = note;
  try {
    await using file = await openToRead(root + path);
    const state = await file.stat();
    if (state.ino !== note.inode || state.dev !== note.device)
      throw new FileChanged([fileProblem(path, 'replaced')]);
    const digest = await digestOf(file, note.sizeBytes, signal);
    if (digest === undefined) throw new FileChanged([fileProblem(path, 'shortened')]);
    return digest;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') throw new FileChanged([fileProblem(path, 'gone')]);
    if (errorCode(error) === 'ELOOP') throw new FileChanged([fileProblem(path, 'replaced')]);
    throw fileError(path, error);
  }
}
