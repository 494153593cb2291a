// Bounded reading, copying and waiting that the files of the cut are built from.
import { createHash, type Hash } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { FilesTimeout } from './errors.ts';
import { fileLimits } from './limits.ts';

/** Opens a regular file for reading; a symbolic link is refused (ELOOP), a FIFO does not block. */
export function openToRead(path: string): Promise<FileHandle> {
  return open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
}

/** Yields the bytes `from` to `to` of a file, fewer if it is shorter. A yielded buffer is used again for the next. */
export async function* readRange(
  file: FileHandle,
  from: number,
  to: number,
  signal?: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  const buffer = Buffer.allocUnsafe(Math.max(1, Math.min(fileLimits.chunkBytes, to - from)));
  let position = from;
  while (position < to) {
    signal?.throwIfAborted();
    const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, to - position), position);
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
    position += bytesRead;
  }
}

/** Feeds bytes of a file to a hash; answers whether all of them were there. */
export async function hashRange(
  hash: Hash,
  file: FileHandle,
  from: number,
  to: number,
  signal?: AbortSignal,
): Promise<boolean> {
  let bytes = 0;
  for await (const chunk of readRange(file, from, to, signal)) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return bytes === to - from;
}

/** SHA-256 in hex of the first bytes of an open file; undefined when it is shorter. */
export async function digestOf(
  file: FileHandle,
  sizeBytes: number,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const hash = createHash('sha256');
  return (await hashRange(hash, file, 0, sizeBytes, signal)) ? hash.digest('hex') : undefined;
}

/** Writes all of a buffer at a position. */
export async function writeAll(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    written += (await file.write(bytes, written, bytes.length - written, position + written)).bytesWritten;
  }
}

/** Makes the names in a folder durable. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Runs `work` for every item, a few at a time. The first failure is thrown once those under way have ended. */
export async function forEachBounded<T>(
  items: readonly T[],
  work: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  let failed = false;
  const worker = async (): Promise<void> => {
    for (const item of queue) {
      if (failed) return;
      try {
        await work(item);
      } catch (error) {
        failed = true;
        throw error;
      }
    }
  };
  const ends = await Promise.allSettled(Array.from({ length: fileLimits.concurrencyMax }, worker));
  for (const end of ends) if (end.status === 'rejected') throw end.reason;
}

/**
 * Runs `work` and gives up waiting for it after the deadline; its signal is aborted then.
 * @throws FilesTimeout
 */
export async function withDeadline<T>(
  work: (signal: AbortSignal) => Promise<T>,
  deadlineMs: number,
  subject: string,
): Promise<T> {
  const { promise: timeout, reject } = Promise.withResolvers<never>();
  const controller = new AbortController();
  const timer = setTimeout(() => {
    const error = new FilesTimeout(subject, deadlineMs);
    reject(error);
    controller.abort(error);
  }, deadlineMs);
  try {
    return await Promise.race([work(controller.signal), timeout]);
  } finally {
    clearTimeout(timer);
  }
}
