// The vault in a directory, with real files: storing, publishing, reading back, removing, sweeping, refusing.
import { execFile } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import {
  appendFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  symlink,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openDirectoryVault } from './directory-vault.ts';
import { bytesOf, manifestOf, readTree, writeTree, type Tree } from './testing/trees.ts';
import type { JsonValue, Manifest } from './manifest.ts';
import type { Progress, Vault } from './vault.ts';

let folder: string;
let root: string;
let staging: string;
let vault: Vault;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vault-'));
  root = join(folder, 'vault');
  staging = join(folder, 'staging');
  vault = await openDirectoryVault(root);
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const gang = 'train';
const tree: Tree = {
  'core-1001.img': bytesOf(3000),
  'empty.img': Buffer.alloc(0),
  'pages-1.img': Buffer.concat([bytesOf(5000), Buffer.alloc(3 * 4096), bytesOf(9)]),
  'files/a b/ünïcode \n.txt': bytesOf(10),
  'files/a b.zst': bytesOf(11),
  'files/a b.zst.d': bytesOf(12),
};

/** Stores and publishes an epoch of one member. */
async function publishEpoch(epoch: number, files: Tree = tree, meta: JsonValue = {}): Promise<Manifest> {
  const from = join(folder, `staging-${epoch}`);
  await writeTree(from, files);
  const stored = await vault.writeMember({ gang, epoch, member: '0', from });
  const manifest = manifestOf(gang, epoch, { '0': stored }, meta);
  await vault.publish({ gang, epoch, manifest });
  return manifest;
}

/** All files in the vault but its format. */
async function filesInVault(): Promise<string[]> {
  return Object.keys(await readTree(root)).filter((name) => name !== 'format.json');
}

describe('a member', () => {
  test('comes back byte for byte, with every file and no other', async () => {
    await publishEpoch(1);
    const to = join(folder, 'restored');
    await vault.readMember({ gang, epoch: 1, member: '0', to });
    expect(await readTree(to)).toEqual(tree);
  });

  test('can be read into a folder that exists and is empty', async () => {
    await publishEpoch(1);
    await mkdir(join(folder, 'restored'));
    await vault.readMember({ gang, epoch: 1, member: '0', to: join(folder, 'restored') });
    expect(await readTree(join(folder, 'restored'))).toEqual(tree);
  });

  test('is described by its sizes and digests', async () => {
    await writeTree(staging, tree);
    const { files } = await vault.writeMember({ gang, epoch: 1, member: '0', from: staging });
    expect(files.map(({ name }) => name)).toEqual(Object.keys(tree).sort());
    const pages = files.find(({ name }) => name === 'pages-1.img')!;
    expect(pages).toMatchObject({ bytes: 17297, nonZeroBytes: 2 * 4096 + 913 });
    const digest = async (path: string): Promise<string> => {
      const { stdout } = await promisify(execFile)('sha256sum', [path]);
      return stdout.slice(0, 64);
    };
    expect(pages.sha256).toBe(await digest(join(staging, 'pages-1.img')));
    const stored = join(root, 'gangs/train/epochs/1/0/pages-1.img.zst');
    expect(pages.storedSha256).toBe(await digest(stored));
    expect(pages.storedBytes).toBe((await readFile(stored)).length);
  });

  test('of large files, of zeros and not, comes back too, with its progress told', async () => {
    const large = { zeros: Buffer.alloc(40 * 1024 * 1024), noise: bytesOf(9 * 1024 * 1024 + 7) };
    const written: Progress[] = [];
    await writeTree(staging, large);
    const request = { gang, epoch: 1, member: '0', from: staging };
    const stored = await vault.writeMember({ ...request, onProgress: (progress) => written.push(progress) });
    expect(stored.files).toMatchObject([{ nonZeroBytes: 9 * 1024 * 1024 + 7 }, { nonZeroBytes: 0 }]);
    expect(stored.files[1]!.storedBytes).toBeLessThan(100_000);
    const bytesTotal = 49 * 1024 * 1024 + 7;
    expect(written.length).toBeGreaterThan(10);
    expect(written.at(-1)).toEqual({ bytesDone: bytesTotal, bytesTotal });

    await vault.publish({ gang, epoch: 1, manifest: manifestOf(gang, 1, { '0': stored }) });
    const read: Progress[] = [];
    const to = join(folder, 'restored');
    await vault.readMember({
      gang,
      epoch: 1,
      member: '0',
      to,
      onProgress: (progress) => read.push(progress),
    });
    expect(read.at(-1)).toEqual({ bytesDone: bytesTotal, bytesTotal });
    const restored = await readTree(to);
    expect(restored['noise']!.equals(large.noise)).toBe(true);
    expect(restored['zeros']!.equals(large.zeros)).toBe(true);
  });

  test('can be stored from some of the files only', async () => {
    await writeTree(staging, tree);
    const files = ['files/a b.zst', 'core-1001.img'];
    const stored = await vault.writeMember({ gang, epoch: 1, member: '0', from: staging, files });
    expect(stored.files.map(({ name }) => name)).toEqual(['core-1001.img', 'files/a b.zst']);
  });

  test('without any file is a member', async () => {
    await publishEpoch(1, {});
    expect(await vault.verify(gang, 1)).toEqual([]);
    await vault.readMember({ gang, epoch: 1, member: '0', to: join(folder, 'restored') });
    expect(await readdir(join(folder, 'restored'))).toEqual([]);
  });

  test('stored a second time is answered with what was stored, unless it differs', async () => {
    await writeTree(staging, tree);
    const request = { gang, epoch: 1, member: '0', from: staging };
    const first = await vault.writeMember(request);
    expect(await vault.writeMember(request)).toEqual(first);
    await appendFile(join(staging, 'core-1001.img'), 'more');
    await expect(vault.writeMember(request)).rejects.toMatchObject({ code: 'SP_VAULT_ALREADY_STORED' });
  });

  test('stored by two at once is stored once', async () => {
    await writeTree(staging, tree);
    const request = { gang, epoch: 1, member: '0', from: staging };
    const other = await openDirectoryVault(root);
    const [one, two] = await Promise.all([vault.writeMember(request), other.writeMember(request)]);
    expect(one).toEqual(two);
    expect(await filesInVault()).toHaveLength(Object.keys(tree).length + 1);
  });
});

describe('what can not be stored', () => {
  const write = async (extra: { files?: readonly string[]; signal?: AbortSignal } = {}): Promise<unknown> =>
    await vault.writeMember({ gang, epoch: 1, member: '0', from: staging, ...extra });

  beforeEach(async () => {
    await writeTree(staging, tree);
    await writeFile(join(folder, 'secret'), 'secret');
  });
  afterEach(async () => {
    const left = await filesInVault();
    if (left.length > 0) throw new Error(`left in the vault: ${left.join(', ')}`);
  });

  test('a symbolic link', async () => {
    await symlink(join(folder, 'secret'), join(staging, 'files/link'));
    await expect(write()).rejects.toMatchObject({ code: 'SP_VAULT_SOURCE' });
    await expect(write()).rejects.toThrow(/files\/link: it is a symbolic link/);
    await expect(write({ files: ['files/link'] })).rejects.toThrow(/symbolic link/);
  });

  test('a link to a folder, or what is behind it', async () => {
    await symlink(folder, join(staging, 'away'));
    await expect(write()).rejects.toThrow(/away: it is a symbolic link/);
    await expect(write({ files: ['away/secret'] })).rejects.toThrow(/away: it is not a folder/);
  });

  test('a FIFO, without waiting at it', async () => {
    await promisify(execFile)('mkfifo', [join(staging, 'fifo')]);
    await expect(write()).rejects.toThrow(/fifo: it is no regular file/);
  });

  test.for(['../secret', '/etc/passwd', 'files/../../secret', '', '.', 'core-1001.img/', 'a//b', 'nul\0'])(
    'a file named %j',
    async (name) => {
      await expect(write({ files: [name] })).rejects.toMatchObject({ code: 'SP_VAULT_SOURCE' });
    },
  );

  test('a file that is not there, and a folder that is not there', async () => {
    await expect(write({ files: ['nothing'] })).rejects.toThrow(/nothing/);
    await rm(staging, { recursive: true });
    await expect(write()).rejects.toMatchObject({ code: 'SP_VAULT_SOURCE' });
  });

  test('a name that is not UTF-8', async () => {
    await writeFile(Buffer.concat([Buffer.from(`${staging}/`), Buffer.from([0xff, 0x61])]), 'x');
    await expect(write()).rejects.toThrow(/not a name that the vault keeps/);
  });

  test('anything once it was aborted, before or meanwhile', async () => {
    await expect(write({ signal: AbortSignal.abort() })).rejects.toMatchObject({ code: 'SP_VAULT_ABORTED' });
    await writeFile(join(staging, 'large'), bytesOf(20 * 1024 * 1024));
    const controller = new AbortController();
    const writing = vault.writeMember({
      gang,
      epoch: 1,
      member: '0',
      from: staging,
      signal: controller.signal,
      onProgress: ({ bytesDone }) => {
        if (bytesDone > 5 * 1024 * 1024) controller.abort(new Error('enough'));
      },
    });
    await expect(writing).rejects.toMatchObject({ code: 'SP_VAULT_ABORTED', cause: new Error('enough') });
  });

  test('a file that grows while it is stored', async () => {
    await writeFile(join(staging, 'large'), bytesOf(5 * 1024 * 1024));
    let hasGrown = false;
    const writing = vault.writeMember({
      gang,
      epoch: 1,
      member: '0',
      from: staging,
      files: ['large'],
      onProgress: () => {
        if (hasGrown) return;
        hasGrown = true;
        // at once: an append in the background may come when all is stored already
        appendFileSync(join(staging, 'large'), bytesOf(3 * 1024 * 1024));
      },
    });
    await expect(writing).rejects.toMatchObject({ code: 'SP_VAULT_SOURCE' });
    expect(hasGrown).toBe(true);
  });

  test.for(['..', '.', '', 'a/b', '.hidden', 'x'.repeat(200), 'manifest.json'])(
    'a member named %j',
    async (member) => {
      const writing = vault.writeMember({ gang, epoch: 1, member, from: staging });
      await expect(writing).rejects.toMatchObject({ code: 'SP_VAULT_INVALID' });
    },
  );

  test('a gang or an epoch that is none', async () => {
    for (const named of [
      { gang: '..', epoch: 1 },
      { gang: 'a/../../b', epoch: 1 },
      { gang, epoch: -1 },
      { gang, epoch: 1.5 },
      { gang, epoch: Number.NaN },
    ]) {
      const writing = vault.writeMember({ ...named, member: '0', from: staging });
      await expect(writing).rejects.toMatchObject({ code: 'SP_VAULT_INVALID' });
    }
  });
});

describe('an epoch', () => {
  test('is invisible until it is published', async () => {
    await writeTree(staging, tree);
    const stored = await vault.writeMember({ gang, epoch: 7, member: '0', from: staging });
    expect(await vault.list(gang)).toEqual([]);
    await expect(vault.readManifest(gang, 7)).rejects.toMatchObject({ code: 'SP_VAULT_UNKNOWN_EPOCH' });
    await expect(
      vault.readMember({ gang, epoch: 7, member: '0', to: join(folder, 'x') }),
    ).rejects.toMatchObject({ code: 'SP_VAULT_UNKNOWN_EPOCH' });
    await expect(vault.verify(gang, 7)).rejects.toMatchObject({ code: 'SP_VAULT_UNKNOWN_EPOCH' });
    await vault.publish({ gang, epoch: 7, manifest: manifestOf(gang, 7, { '0': stored }) });
    expect(await vault.list(gang)).toEqual([7]);
  });

  test('is listed in order of numbers, not of names', async () => {
    for (const epoch of [10, 9, 100, 1]) await publishEpoch(epoch, {});
    expect(await vault.list(gang)).toEqual([1, 9, 10, 100]);
    expect(await vault.list('nobody')).toEqual([]);
  });

  test('gives back its manifest as it was, with what its writer put in', async () => {
    const meta = { __proto__: null, nested: [1, { 2: 'x' }, '\u{1f9ca}\n'], '10': null } satisfies JsonValue;
    const manifest = await publishEpoch(1, tree, meta);
    expect(await vault.readManifest(gang, 1)).toEqual(manifest);
  });

  test('is published once: of two at once one wins, and its manifest stays', async () => {
    await writeTree(staging, tree);
    const stored = await vault.writeMember({ gang, epoch: 1, member: '0', from: staging });
    const other = await openDirectoryVault(root);
    const results = await Promise.allSettled(
      [vault, other, vault, other].map(async (from, writer) => {
        await from.publish({ gang, epoch: 1, manifest: manifestOf(gang, 1, { '0': stored }, { writer }) });
        return writer;
      }),
    );
    const winners = results.filter((result) => result.status === 'fulfilled');
    expect(winners).toHaveLength(1);
    for (const result of results) {
      if (result.status === 'rejected') {
        // oxlint-disable-next-line vitest/no-conditional-expect
        expect(result.reason).toMatchObject({ code: 'SP_VAULT_ALREADY_PUBLISHED' });
      }
    }
    expect((await vault.readManifest(gang, 1)).meta).toEqual({ writer: winners[0]!.value });
    await expect(vault.writeMember({ gang, epoch: 1, member: '1', from: staging })).rejects.toMatchObject({
      code: 'SP_VAULT_ALREADY_PUBLISHED',
    });
  });

  test('is not published with what is not stored', async () => {
    await writeTree(staging, tree);
    const stored = await vault.writeMember({ gang, epoch: 1, member: '0', from: staging });
    const publish = async (manifest: Manifest): Promise<void> =>
      await vault.publish({ gang, epoch: 1, manifest });
    const right = manifestOf(gang, 1, { '0': stored });
    await expect(publish(manifestOf(gang, 1, { '0': stored, '1': stored }))).rejects.toMatchObject({
      code: 'SP_VAULT_INCOMPLETE',
    });
    const fewer = manifestOf(gang, 1, { '0': { files: stored.files.slice(1) } });
    await expect(publish(fewer)).rejects.toMatchObject({ code: 'SP_VAULT_INCOMPLETE' });
    await expect(publish({ ...right, epoch: 2 })).rejects.toMatchObject({ code: 'SP_VAULT_INVALID' });
    await expect(publish({ ...right, meta: Number.NaN })).rejects.toMatchObject({ code: 'SP_VAULT_INVALID' });
    expect(await vault.list(gang)).toEqual([]);
    await publish(right);
    expect(await vault.verify(gang, 1)).toEqual([]);
  });

  test('is removed with all it holds', async () => {
    await publishEpoch(1);
    await publishEpoch(2, {});
    await vault.remove(gang, 1);
    expect(await vault.list(gang)).toEqual([2]);
    expect(await readdir(join(root, 'gangs/train/epochs'))).toEqual(['2']);
    await expect(vault.remove(gang, 1)).rejects.toMatchObject({ code: 'SP_VAULT_UNKNOWN_EPOCH' });
  });

  test('that was never published, or is damaged, can be removed', async () => {
    await writeTree(staging, tree);
    await vault.writeMember({ gang, epoch: 1, member: '0', from: staging });
    await vault.remove(gang, 1);
    await publishEpoch(2);
    await writeFile(join(root, 'gangs/train/epochs/2/manifest.json'), 'rubbish');
    await vault.remove(gang, 2);
    expect(await filesInVault()).toEqual([]);
  });
});

describe('a sweep', () => {
  test('removes what is unpublished and not in flight, and drafts, and nothing else', async () => {
    await publishEpoch(1);
    await writeTree(staging, tree);
    for (const epoch of [2, 3]) await vault.writeMember({ gang, epoch, member: '0', from: staging });
    await vault.writeMember({ gang: 'other', epoch: 2, member: '0', from: staging });
    await writeTree(join(root, 'gangs/train/epochs/1/.draft-left'), { 'x.zst': bytesOf(3) });
    await writeTree(join(root, 'gangs/train/epochs/3/.draft-used'), { 'x.zst': bytesOf(3) });
    await writeTree(join(root, 'gangs/train/epochs/notes'), { mine: bytesOf(3) });

    const removed = await vault.sweep({ inFlight: [{ gang, epoch: 3 }] });
    expect(removed).toHaveLength(2);
    expect(removed).toEqual(
      expect.arrayContaining([
        { gang, epoch: 2 },
        { gang: 'other', epoch: 2 },
      ]),
    );
    expect((await readdir(join(root, 'gangs/train/epochs'))).sort()).toEqual(['1', '3', 'notes']);
    expect((await readdir(join(root, 'gangs/train/epochs/1'))).sort()).toEqual(['0', 'manifest.json']);
    expect(await readdir(join(root, 'gangs/train/epochs/3'))).toContain('.draft-used');
    expect(await vault.verify(gang, 1)).toEqual([]);
  });

  test('takes a removal that was cut off after the manifest to its end', async () => {
    await publishEpoch(1);
    await unlink(join(root, 'gangs/train/epochs/1/manifest.json'));
    expect(await vault.list(gang)).toEqual([]);
    expect(await vault.sweep({ inFlight: [] })).toEqual([{ gang, epoch: 1 }]);
    expect(await filesInVault()).toEqual([]);
  });
});

describe('reading', () => {
  test('of a gang, an epoch or a member that is not there says so', async () => {
    await publishEpoch(1);
    const to = join(folder, 'restored');
    for (const [request, code] of [
      [{ gang: 'nobody', epoch: 1, member: '0' }, 'SP_VAULT_UNKNOWN_EPOCH'],
      [{ gang, epoch: 2, member: '0' }, 'SP_VAULT_UNKNOWN_EPOCH'],
      [{ gang, epoch: 1, member: '1' }, 'SP_VAULT_UNKNOWN_MEMBER'],
    ] as const) {
      await expect(vault.readMember({ ...request, to })).rejects.toMatchObject({ code });
    }
    expect(await readdir(folder)).not.toContain('restored');
  });

  test('into a folder that is not empty, or not there to be made, changes nothing', async () => {
    await publishEpoch(1);
    await writeTree(join(folder, 'used'), { mine: bytesOf(3) });
    for (const to of [join(folder, 'used'), join(folder, 'used/mine'), join(folder, 'not/there')]) {
      const reading = vault.readMember({ gang, epoch: 1, member: '0', to });
      await expect(reading).rejects.toMatchObject({ code: 'SP_VAULT_TARGET' });
    }
    expect(await readTree(join(folder, 'used'))).toEqual({ mine: bytesOf(3) });
  });

  test('that is aborted leaves nothing', async () => {
    await publishEpoch(1, { large: bytesOf(20 * 1024 * 1024) });
    const controller = new AbortController();
    const to = join(folder, 'restored');
    const reading = vault.readMember({
      gang,
      epoch: 1,
      member: '0',
      to,
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    await expect(reading).rejects.toMatchObject({ code: 'SP_VAULT_ABORTED' });
    expect(await readdir(folder)).not.toContain('restored');
    expect(await vault.verify(gang, 1)).toEqual([]);
  });
});

describe('the vault', () => {
  test('knows how much room there is', async () => {
    const { stdout } = await promisify(execFile)('df', ['-B1', '--output=avail', root]);
    const available = Number(stdout.split('\n')[1]);
    expect(Math.abs((await vault.freeBytes()) - available)).toBeLessThan(available / 10);
  });

  test('opens again, many times at once, and in a folder that is there', async () => {
    await mkdir(join(folder, 'fresh/lost+found'), { recursive: true });
    await Promise.all(Array.from({ length: 8 }, async () => await openDirectoryVault(join(folder, 'fresh'))));
    expect((await readdir(join(folder, 'fresh'))).sort()).toEqual(['format.json', 'lost+found']);
  });

  test('can be named by a relative path', async () => {
    const relativeRoot = `${relative(process.cwd(), root)}/deep//er/`;
    await openDirectoryVault(relativeRoot);
    expect(await readdir(join(root, 'deep/er'))).toEqual(['format.json']);
  });

  test('of a newer version is refused, by name', async () => {
    const path = join(root, 'format.json');
    await writeFile(path, (await readFile(path, 'utf8')).replace('"version":1', '"version":2'));
    await expect(openDirectoryVault(root)).rejects.toMatchObject({ code: 'SP_VAULT_NEWER_VERSION' });
    await expect(openDirectoryVault(root)).rejects.toThrow(/format\.json has format version 2/);
  });

  test('without its format file is not taken for a new one', async () => {
    await publishEpoch(1);
    await unlink(join(root, 'format.json'));
    await expect(openDirectoryVault(root)).rejects.toMatchObject({
      code: 'SP_VAULT_CORRUPT',
      remedy: expect.stringContaining(`move ${join(root, 'gangs')} away`),
    });
  });

  test('that somebody has emptied can be opened again once something is published', async () => {
    for (const name of await readdir(root)) await rm(join(root, name), { recursive: true });
    await publishEpoch(1);
    expect(await (await openDirectoryVault(root)).list(gang)).toEqual([1]);
  });

  test('where no folder can be says which', async () => {
    const path = join(folder, 'in-the-way');
    await writeFile(path, '');
    await expect(openDirectoryVault(path)).rejects.toMatchObject({ code: 'SP_VAULT_UNAVAILABLE' });
    await expect(openDirectoryVault(path)).rejects.toThrow(/in-the-way/);
  });
});
