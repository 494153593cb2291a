// What a vault does with bytes that are not the ones it wrote: found, named, and never restored.
import { mkdtemp, readFile, rename, rm, symlink, truncate, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { zstdCompressSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openDirectoryVault } from './directory-vault.ts';
import { sha256Hex } from './disk.ts';
import { bytesOf, manifestOf, readTree, writeTree } from './testing/trees.ts';
import { frameLead } from './frames.ts';
import { manifestFormat, type Manifest } from './manifest.ts';
import { seal } from './sealed.ts';
import type { Vault } from './vault.ts';

const gang = 'train';
const epochFolder = 'gangs/train/epochs/5';
const stored = {
  manifest: `${epochFolder}/manifest.json`,
  record: `${epochFolder}/0/member.json`,
  core: `${epochFolder}/0/core.img.zst`,
  pages: `${epochFolder}/0/deep.d/pages.img.zst`,
};

let folder: string;
let root: string;
let vault: Vault;
let manifest: Manifest;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vault-'));
  root = join(folder, 'vault');
  vault = await openDirectoryVault(root);
  const staging = join(folder, 'staging');
  await writeTree(staging, { 'core.img': bytesOf(40), 'deep/pages.img': Buffer.alloc(9000, 'page') });
  const files = await vault.writeMember({ gang, epoch: 5, member: '0', from: staging });
  manifest = manifestOf(gang, 5, { '0': files }, { note: 'ünïcode' });
  await vault.publish({ gang, epoch: 5, manifest });
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const restore = async (): Promise<void> =>
  await vault.readMember({ gang, epoch: 5, member: '0', to: join(folder, 'restored') });

/** Restoring must fail with an error that matches, and leave nothing. */
async function expectRefused(expected: object): Promise<void> {
  await expect(restore()).rejects.toMatchObject(expected);
  expect(Object.keys(await readTree(folder)).filter((name) => name.startsWith('restored'))).toEqual([]);
}

/** Changes each byte of a file in turn, and puts it back. */
async function withEveryByteChanged(name: string, check: (at: number) => Promise<void>): Promise<void> {
  const path = join(root, name);
  const original = await readFile(path);
  for (let at = 0; at < original.length; at += 1) {
    const changed = Buffer.from(original);
    changed[at]! ^= 1 << (at % 8);
    await writeFile(path, changed);
    await check(at);
  }
  await writeFile(path, original);
  expect(await vault.verify(gang, 5)).toEqual([]);
}

describe('every byte changed', () => {
  test.for([
    { file: 'core.img', name: stored.core },
    { file: 'deep/pages.img', name: stored.pages },
  ])('in the stored $file is found, named, and not restored', async ({ file, name }) => {
    await withEveryByteChanged(name, async () => {
      const problems = await vault.verify(gang, 5);
      expect(problems).toMatchObject([{ kind: 'damaged', member: '0', file }]);
      expect(problems[0]!.message).toContain(`file ${file} of member 0 in epoch 5 of gang train`);
      await expectRefused({ code: 'SP_VAULT_CORRUPT', path: join(root, name) });
      await expect(restore()).rejects.toThrow(`file ${file} of member 0 in epoch 5 of gang train`);
    });
  });

  test('in the list of a member’s files is found and named', async () => {
    await withEveryByteChanged(stored.record, async () => {
      const [problem, ...others] = await vault.verify(gang, 5).catch((error: unknown) => [error]);
      expect(others).toEqual([]);
      expect(String(problem instanceof Error ? problem : (problem as { message: string }).message)).toContain(
        join(root, stored.record),
      );
    });
  });

  test('in the manifest is found and named, and nothing is restored', async () => {
    await withEveryByteChanged(stored.manifest, async () => {
      const code = expect.stringMatching(/^SP_VAULT_(CORRUPT|NEWER_VERSION)$/) as string;
      await expect(vault.readManifest(gang, 5)).rejects.toMatchObject({ code });
      await expect(vault.readManifest(gang, 5)).rejects.toThrow(join(root, stored.manifest));
      await expectRefused({ code });
      expect(await vault.list(gang)).toEqual([5]);
    });
  });

  test('in the format file is found and named', async () => {
    const path = join(root, 'format.json');
    await withEveryByteChanged('format.json', async () => {
      await expect(openDirectoryVault(root)).rejects.toThrow(path);
    });
  });
});

describe('a file that is', () => {
  test.for([
    ['missing', async (path: string) => await unlink(path), 'missing'],
    ['cut short', async (path: string) => await truncate(path, 20), 'damaged'],
    ['empty', async (path: string) => await writeFile(path, ''), 'damaged'],
    ['longer', async (path: string) => await writeFile(path, 'more', { flag: 'a' }), 'damaged'],
    ['another', async (path: string) => await rename(join(root, stored.pages), path), 'damaged'],
    [
      'a link',
      async (path: string) => {
        await rename(path, join(folder, 'elsewhere'));
        await symlink(join(folder, 'elsewhere'), path);
      },
      'damaged',
    ],
  ] as const)('%s is found, named, and not restored', async ([, damage, kind]) => {
    await damage(join(root, stored.core));
    expect(await vault.verify(gang, 5)).toContainEqual(
      expect.objectContaining({ kind, member: '0', file: 'core.img' }),
    );
    await expectRefused({ code: 'SP_VAULT_CORRUPT' });
  });
});

describe('a manifest', () => {
  test('cut short anywhere is SP_VAULT_CORRUPT', async () => {
    const path = join(root, stored.manifest);
    const original = await readFile(path);
    for (let length = 0; length < original.length; length += 1) {
      await writeFile(path, original.subarray(0, length));
      await expect(vault.readManifest(gang, 5)).rejects.toMatchObject({ code: 'SP_VAULT_CORRUPT', path });
    }
    expect(await vault.verify(gang, 5)).toMatchObject([{ kind: 'manifest' }]);
  });

  test('of a newer version is refused as such', async () => {
    await writeFile(join(root, stored.manifest), seal({ ...manifestFormat, version: 2 }, {}, sha256Hex));
    await expectRefused({ code: 'SP_VAULT_NEWER_VERSION' });
    await expect(vault.verify(gang, 5)).rejects.toMatchObject({ code: 'SP_VAULT_NEWER_VERSION' });
  });

  test('of another epoch is SP_VAULT_CORRUPT', async () => {
    await writeFile(join(root, stored.manifest), seal(manifestFormat, { ...manifest, epoch: 4 }, sha256Hex));
    await expectRefused({ code: 'SP_VAULT_CORRUPT' });
    expect(await vault.verify(gang, 5)).toMatchObject([{ kind: 'manifest' }]);
  });

  test.for([
    ['content digest', { sha256: '0'.repeat(64) }],
    ['smaller size', { bytes: 39 }],
    ['larger size', { bytes: 41 }],
  ] as const)('with another %s than the stored file has restores nothing', async ([, change]) => {
    const [core, pages] = manifest.members[0]!.files;
    const members = [{ member: '0', files: [{ ...core, ...change }, pages], meta: null }];
    await writeFile(join(root, stored.manifest), seal(manifestFormat, { ...manifest, members }, sha256Hex));
    await expectRefused({ code: 'SP_VAULT_CORRUPT' });
    expect(await vault.verify(gang, 5)).toContainEqual(
      expect.objectContaining({ kind: 'damaged', file: 'core.img' }),
    );
  });

  test('can not make a small stored file fill the disk or the memory', async () => {
    const content = Buffer.alloc(256 * 1024 * 1024);
    const frame = zstdCompressSync(content);
    const bomb = Buffer.concat([frameLead(frame.length), frame]);
    await writeFile(join(root, stored.core), bomb);
    const file = { ...manifest.members[0]!.files[0]!, storedBytes: bomb.length };
    for (const bytes of [40, content.length]) {
      const members = [{ member: '0', files: [{ ...file, bytes }], meta: null }];
      await writeFile(join(root, stored.manifest), seal(manifestFormat, { ...manifest, members }, sha256Hex));
      await expectRefused({ code: 'SP_VAULT_CORRUPT' });
      expect(await vault.verify(gang, 5)).toContainEqual(expect.objectContaining({ kind: 'damaged' }));
    }
  });
});
