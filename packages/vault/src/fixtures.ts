// For tests only: trees of files, and manifests of what was stored.
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import type { JsonValue, Manifest } from './manifest.ts';
import type { StoredMember } from './vault.ts';

export type Tree = Readonly<Record<string, Buffer>>;

/** Bytes that do not compress and are the same every time. */
export function bytesOf(count: number, seed = 'seed'): Buffer {
  const blocks: Buffer[] = [];
  for (let made = 0; made < count; made += 32) {
    blocks.push(createHash('sha256').update(`${seed} ${count} ${made}`).digest());
  }
  return Buffer.concat(blocks).subarray(0, count);
}

export async function writeTree(folder: string, tree: Tree): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [name, content] of Object.entries(tree)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), content);
  }
}

export async function readTree(folder: string): Promise<Tree> {
  const tree: Record<string, Buffer> = {};
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isFile()) tree[relative(folder, path)] = await readFile(path);
  }
  return tree;
}

export function manifestOf(
  gang: string,
  epoch: number,
  stored: Readonly<Record<string, StoredMember>>,
  meta: JsonValue = {},
): Manifest {
  const members = Object.entries(stored).map(([member, { files }]) => ({ member, files: [...files], meta }));
  return {
    gang,
    epoch,
    incarnation: 1,
    createdAt: '2026-11-24T00:00:00.000Z',
    outcome: 'resume',
    meta,
    members,
  };
}
