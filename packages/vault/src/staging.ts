// The folder that a member is stored from: which files are in it, and that nothing else is.
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { VaultSourceError } from './errors.ts';
import { vaultLimits } from './limits.ts';
import { isFileName } from './names.ts';

export interface StagedFile {
  /** Relative to the folder. */
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
}

/**
 * The regular files below `folder`, or those named, sorted by name.
 *
 * @throws `SP_VAULT_SOURCE` for anything that is neither a regular file nor a folder.
 */
export async function stagedFiles(
  folder: string,
  names: readonly string[] | undefined,
): Promise<readonly StagedFile[]> {
  try {
    const root = await lstat(folder);
    if (!root.isDirectory()) throw new VaultSourceError(folder, 'it is not a folder');
    const files = names === undefined ? await walk(folder) : await named(folder, names);
    return files.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    if (error instanceof VaultSourceError) throw error;
    throw new VaultSourceError(folder, String(error), error);
  }
}

async function walk(root: string): Promise<StagedFile[]> {
  const files: StagedFile[] = [];
  const foldersLeft = [''];
  for (let folder = foldersLeft.pop(); folder !== undefined; folder = foldersLeft.pop()) {
    for (const { name: entry, ...kind } of await entriesOf(join(root, folder))) {
      const name = folder === '' ? entry : `${folder}/${entry}`;
      if (kind.isFolder) {
        checkName(root, name);
        foldersLeft.push(name);
      } else {
        files.push(await fileAt(root, name));
      }
      if (files.length + foldersLeft.length > vaultLimits.filesPerMemberMax) {
        throw new VaultSourceError(root, `it holds more than ${vaultLimits.filesPerMemberMax} files`);
      }
    }
  }
  return files;
}

async function entriesOf(folder: string): Promise<{ name: string; isFolder: boolean }[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries.map((entry) => ({ name: entry.name, isFolder: entry.isDirectory() }));
}

async function named(root: string, names: readonly string[]): Promise<StagedFile[]> {
  if (new Set(names).size !== names.length) throw new VaultSourceError(root, 'a file is named twice');
  const files: StagedFile[] = [];
  for (const name of names) {
    checkName(root, name);
    const folders = name.split('/').slice(0, -1);
    for (const [index] of folders.entries()) {
      const folder = join(root, ...folders.slice(0, index + 1));
      if (!(await lstat(folder)).isDirectory()) throw new VaultSourceError(folder, 'it is not a folder');
    }
    files.push(await fileAt(root, name));
  }
  return files;
}

async function fileAt(root: string, name: string): Promise<StagedFile> {
  checkName(root, name);
  const path = join(root, name);
  const found = await lstat(path);
  if (!found.isFile()) {
    throw new VaultSourceError(
      path,
      found.isSymbolicLink() ? 'it is a symbolic link' : 'it is no regular file',
    );
  }
  return { name, path, bytes: found.size };
}

function checkName(root: string, name: string): void {
  if (!isFileName(name)) {
    throw new VaultSourceError(
      root,
      `${JSON.stringify(name).slice(0, 160)} is not a name that the vault keeps`,
    );
  }
}
