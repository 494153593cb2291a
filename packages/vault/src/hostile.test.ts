// Names and manifests made to do harm: whatever they say, nothing outside the vault and the target is touched.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve, sep } from 'node:path';
import * as fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openDirectoryVault } from './directory-vault.ts';
import { sha256Hex } from './disk.ts';
import { bytesOf, manifestOf, readTree, writeTree } from './testing/trees.ts';
import { Layout, readFileIn, storedFileIn } from './layout.ts';
import { manifestFormat, storedFilesSchema, type Manifest } from './manifest.ts';
import { isFileName, storedName } from './names.ts';
import { seal } from './sealed.ts';
import type { Vault } from './vault.ts';

const segment = fc.oneof(
  fc.constantFrom(
    '..',
    '.',
    '',
    'a',
    'b',
    'a.zst',
    'a.d',
    'manifest.json',
    '\0',
    '~',
    'C:',
    '\\',
    '%2e%2e',
    '\uFFFD',
  ),
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.constant('x'.repeat(260)),
);
const nastyName = fc
  .tuple(fc.constantFrom('', '/', '//', './', '../'), fc.array(segment, { minLength: 1, maxLength: 4 }))
  .map(([start, segments]) => start + segments.join('/'));

const isBelow = (root: string, path: string): boolean => resolve(path).startsWith(root + sep);

const attempt = <T>(make: () => T): T | undefined => {
  try {
    return make();
  } catch {
    return undefined;
  }
};

test('no name leads out of where it belongs', () => {
  const layout = new Layout('/vault');
  fc.assert(
    fc.property(nastyName, nastyName, fc.double(), (gang, name, epoch) => {
      for (const [root, path] of [
        ['/vault/gangs', attempt(() => layout.epochs(gang))],
        ['/vault/gangs', attempt(() => layout.manifest(gang, Math.trunc(epoch)))],
        ['/vault/gangs/g/epochs/1', attempt(() => layout.member('g', 1, name))],
        ['/vault/gangs/g/epochs/1/0', attempt(() => storedFileIn('/vault/gangs/g/epochs/1/0', name))],
        ['/target', attempt(() => readFileIn('/target', name))],
      ] as const) {
        expect(path === undefined || isBelow(root, path)).toBe(true);
      }
    }),
    { numRuns: 2000 },
  );
});

test('names that can stand together can be stored together', () => {
  const plain = fc.constantFrom('a', 'b', 'a.zst', 'a.d', 'a.d.zst', 'a.zst.d', '.d', '.zst');
  const name = fc.array(plain, { minLength: 1, maxLength: 3 }).map((segments) => segments.join('/'));
  const digest = '0'.repeat(64);
  const counts = { bytes: 0, nonZeroBytes: 0, storedBytes: 0, sha256: digest, storedSha256: digest };
  const parents = (path: string): string[] =>
    path.split('/').map((_, index, segments) => segments.slice(0, index).join('/'));
  fc.assert(
    fc.property(fc.uniqueArray(name, { maxLength: 6 }), (names) => {
      const files = names.map((each) => ({ name: each, ...counts }));
      fc.pre(storedFilesSchema.safeParse(files).success);
      const stored = new Set(names.map(storedName));
      expect(stored.size).toBe(names.length);
      for (const each of stored) expect(parents(each).some((parent) => stored.has(parent))).toBe(false);
      expect(stored.has('member.json')).toBe(false);
    }),
    { numRuns: 2000 },
  );
});

test('a name that is accepted is short enough to be stored', () => {
  fc.assert(
    fc.property(nastyName, (name) => {
      fc.pre(isFileName(name));
      for (const part of storedName(name).split('/'))
        expect(Buffer.byteLength(part)).toBeLessThanOrEqual(255);
    }),
    { numRuns: 2000 },
  );
});

let folder: string;
let vault: Vault;
let manifest: Manifest;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vault-'));
  vault = await openDirectoryVault(join(folder, 'vault'));
  await writeTree(join(folder, 'staging'), { a: bytesOf(30) });
  const stored = await vault.writeMember({ gang: 'g', epoch: 1, member: '0', from: join(folder, 'staging') });
  manifest = manifestOf('g', 1, { '0': stored });
  await vault.publish({ gang: 'g', epoch: 1, manifest });
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

test('a hostile manifest with a right checksum restores nothing outside the target', async () => {
  const path = join(folder, 'vault/gangs/g/epochs/1/manifest.json');
  const file = manifest.members[0]!.files[0]!;
  const to = join(folder, 'restored');
  await fc.assert(
    fc.asyncProperty(
      fc.array(nastyName, { minLength: 1, maxLength: 3 }),
      nastyName,
      async (names, member) => {
        const files = names.map((name) => ({ ...file, name }));
        const members = [
          { member: '0', files, meta: null },
          { member, files: [file], meta: null },
        ];
        await writeFile(path, seal(manifestFormat, { ...manifest, members }, sha256Hex));
        const before = await readTree(folder);
        for (const each of ['0', member]) {
          const reading = vault.readMember({ gang: 'g', epoch: 1, member: each, to });
          const code = await reading.then(
            () => 'restored',
            (error: { code?: string }) => String(error.code),
          );
          // Only the one file that is stored can be restored at all.
          const expected = code === 'restored' && names.join() === 'a' ? 'restored' : 'SP_VAULT_CORRUPT';
          expect(code).toBe(expected);
          await rm(to, { recursive: true, force: true });
        }
        expect(await readTree(folder)).toEqual(before);
      },
    ),
    { numRuns: 300 },
  );
});

test('any manifest that is published is read back as it was', async () => {
  let epoch = 1;
  await fc.assert(
    fc.asyncProperty(
      fc.jsonValue(),
      fc.constantFrom('resume' as const, 'stop' as const),
      async (meta, outcome) => {
        epoch += 1;
        const asJson = JSON.parse(JSON.stringify(meta)) as null;
        const published: Manifest = { ...manifest, epoch, outcome, meta: asJson, members: [] };
        await vault.publish({ gang: 'g', epoch, manifest: published });
        expect(await vault.readManifest('g', epoch)).toEqual(published);
      },
    ),
    { numRuns: 50 },
  );
});
