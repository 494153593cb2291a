// Saves a sandbox's own /tmp and /dev/shm while its member is held, and puts them into a new sandbox before CRIU runs.
// GNU tar does the work: it knows modes, owners, times, hard links, holes, FIFOs and extended attributes.
import type { Stats } from 'node:fs';
import { lstat, open, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { exec } from '../exec.ts';
import { FilesNoRoom, PrivateFilesFailed } from './errors.ts';
import { fileLimits } from './limits.ts';

/** Private folders of every sandbox, relative to its root. */
const privateFolders = ['tmp', 'dev/shm'] as const;

const metadataOptions = ['--xattrs', '--xattrs-include=*', '--acls', '--numeric-owner'] as const;

export interface SavePrivateOptions {
  /** Root of the sandbox: `/proc/PID/root` of its init. */
  readonly root: string;
  /** The archive to write. */
  readonly to: string;
  /** A folder under /tmp or /dev/shm that is the host's and stays out, or ''. */
  readonly exclude?: string;
  readonly deadlineMs?: number;
}

export interface SavedPrivate {
  readonly bytes: number;
  /** Unix socket files, as absolute paths of the sandbox: they can't be saved, and are made anew by whoever binds them. */
  readonly skippedSockets: readonly string[];
}

/**
 * Writes the private folders of a sandbox to one archive, durably. Only what is on the folders' own file systems is
 * saved, so that a folder mounted into them stays out.
 * @throws FilesNoRoom, PrivateFilesFailed; the archive is removed then
 */
export async function savePrivate(options: SavePrivateOptions): Promise<SavedPrivate> {
  await requireFolders(options.root);
  const exclude = options.exclude === undefined || options.exclude === '' ? [] : excluding(options.exclude);
  const args = [
    '--create', '--file', options.to, '--directory', options.root, '--one-file-system', '--sparse', ...metadataOptions,
    '--format=posix', '--quoting-style=literal', ...exclude, '--', ...privateFolders,
  ]; // prettier-ignore
  try {
    const warnings = await runTar(args, options.to, options.deadlineMs);
    await using archive = await open(options.to, 'r');
    await archive.sync();
    const { size } = await archive.stat();
    return { bytes: size, skippedSockets: socketsIn(warnings) };
  } catch (error) {
    await rm(options.to, { force: true });
    throw error;
  }
}

export interface RestorePrivateOptions {
  /** Root of the new sandbox, in which nothing runs yet. */
  readonly root: string;
  /** The archive that savePrivate wrote. */
  readonly from: string;
  readonly deadlineMs?: number;
}

/**
 * Fills the private folders of a new sandbox from an archive: same modes, owners, times and links.
 * @throws FilesNoRoom, PrivateFilesFailed; the sandbox is then to be removed
 */
export async function restorePrivate(options: RestorePrivateOptions): Promise<void> {
  await requireFolders(options.root);
  const args = [
    '--extract', '--file', options.from, '--directory', options.root, '--same-permissions', '--same-owner',
    ...metadataOptions, '--', ...privateFolders,
  ]; // prettier-ignore
  await runTar(args, options.root, options.deadlineMs);
}

/** Runs tar and returns its warnings. @throws FilesNoRoom, PrivateFilesFailed naming `subject` */
async function runTar(args: readonly string[], subject: string, deadlineMs?: number): Promise<string> {
  let result;
  try {
    result = await exec('tar', args, {
      deadlineMs: deadlineMs ?? fileLimits.privateFilesMs,
      env: { LC_ALL: 'C' },
      accept: [0, 1, 2],
    });
  } catch (error) {
    throw new PrivateFilesFailed(subject, 'tar did not end as it should', error);
  }
  if (result.code === 0) return result.stderr;
  if (/No space left on device|Disk quota exceeded|Wrote only/.test(result.stderr)) {
    throw new FilesNoRoom(subject, new Error(result.stderr.trim()));
  }
  throw new PrivateFilesFailed(subject, result.stderr.trim().slice(-2000));
}

/** A link in place of a private folder would lead tar out of the sandbox. */
async function requireFolders(root: string): Promise<void> {
  for (const folder of privateFolders) {
    const path = join(root, folder);
    let state: Stats;
    try {
      state = await lstat(path);
    } catch (error) {
      throw new PrivateFilesFailed(path, 'is not there: the sandbox is gone, or never was', error);
    }
    if (!state.isDirectory()) throw new PrivateFilesFailed(path, 'is no folder');
  }
}

function excluding(folder: string): string[] {
  return ['--anchored', '--no-wildcards', `--exclude=${relative('/', folder)}`];
}

function socketsIn(warnings: string): string[] {
  return [...warnings.matchAll(/^\S*tar: (.*): socket ignored$/gm)].map((match) => `/${match[1] ?? ''}`);
}
