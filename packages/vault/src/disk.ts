// Files and folders on disk, durable and created once; I/O errors come out coded and naming the path.
import { createHash, randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { link, lstat, mkdir, open, rm, unlink, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { VaultFullError, VaultUnavailableError } from './errors.ts';

/** Names of what is not finished begin like this. No gang, member or epoch does. */
export const draftPrefix = '.draft-';

export const sha256Hex = (text: string): string => createHash('sha256').update(text).digest('hex');

export function draftIn(folder: string): string {
  return join(folder, `${draftPrefix}${randomUUID()}`);
}

export function hasCode(error: unknown, ...codes: readonly string[]): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}

/** The coded error for what went wrong at a path of the vault. */
export function diskError(path: string, error: unknown): Error {
  if (hasCode(error, 'ENOSPC', 'EDQUOT', 'EFBIG')) return new VaultFullError(path, error);
  if (!(error instanceof Error) || !('code' in error) || !('syscall' in error)) {
    return error instanceof Error ? error : new Error(String(error));
  }
  return new VaultUnavailableError(`${path}: ${error.message}`, {
    remedy: `Check that ${path} can be reached and written by this user, and that its disk is well.`,
    retryable: hasCode(error, 'EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN', 'ETIMEDOUT'),
    cause: error,
  });
}

/** Does something at a path, with coded errors. */
export async function onDisk<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw diskError(path, error);
  }
}

export async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false;
    throw error;
  }
}

export async function withFile<T>(
  path: string,
  flags: number,
  use: (handle: FileHandle) => Promise<T>,
): Promise<T> {
  const handle = await open(path, flags, 0o600);
  try {
    return await use(handle);
  } finally {
    await handle.close();
  }
}

export async function syncFolder(folder: string): Promise<void> {
  await withFile(folder, constants.O_RDONLY | constants.O_DIRECTORY, async (handle) => await handle.sync());
}

/** Makes a folder and those above it, durably. The path must be absolute. */
export async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length; made = dirname(made)) await syncFolder(dirname(made));
}

/**
 * Writes a file that must not exist, whole and durable: nobody ever sees a part of it.
 *
 * @returns whether it was this call that made it.
 */
export async function writeOnce(path: string, text: string): Promise<boolean> {
  const folder = dirname(path);
  const draft = draftIn(folder);
  try {
    await writeNew(draft, text);
    await link(draft, path); // unlike a rename it never replaces
  } catch (error) {
    if (!hasCode(error, 'EEXIST')) throw error;
    return false;
  } finally {
    await rm(draft, { force: true });
    await syncFolder(folder);
  }
  return true;
}

/** Writes a new file durably. Its folder is not synced. */
export async function writeNew(path: string, text: string): Promise<void> {
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
  await withFile(path, flags, async (handle) => {
    await handle.writeFile(text);
    await handle.sync();
  });
}

/** Reads a whole file as text: `undefined` if it does not exist, nothing of one larger than `bytesMax`. */
export async function readText(path: string, bytesMax: number): Promise<string | undefined> {
  try {
    return await withFile(path, constants.O_RDONLY | constants.O_NOFOLLOW, async (handle) => {
      const { size } = await handle.stat();
      return size > bytesMax ? '' : await handle.readFile('utf8');
    });
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

/** Removes a folder and all in it, durably. */
export async function removeTree(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await syncFolder(dirname(folder));
}

/** Removes a file durably. */
export async function removeFile(path: string): Promise<void> {
  await unlink(path);
  await syncFolder(dirname(path));
}
