// What stays in staging, and what is removed.
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, statfs, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { homePaths, type HomePaths, nodeRuntime } from './paths.ts';
import {
  mountStaging,
  removeStaging,
  restoreStagingFolder,
  stagingFolder,
  sweepForgotten,
  sweepStaging,
  unmountStaging,
} from './staging.ts';

let paths: HomePaths;
beforeEach(async () => {
  const staging = await mkdtemp(join(tmpdir(), 'staging-'));
  paths = { ...homePaths(staging), staging };
});
afterEach(() => rm(paths.staging, { recursive: true, force: true }));

async function stage(folder: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'pages-1.img'), 'x');
  return folder;
}

it('is empty again once the last member of an epoch was removed', async () => {
  const folders = [
    await stage(stagingFolder(paths, 'g', 1, 0)),
    await stage(stagingFolder(paths, 'g', 1, 1)),
  ];
  for (const folder of folders) {
    expect(await readdir(paths.staging)).toEqual(['g']);
    await removeStaging(folder);
    await removeStaging(folder);
  }
  expect(await readdir(paths.staging)).toEqual([]);
});

it('loses what is in use for nothing, and nothing else', async () => {
  const kept = [
    await stage(stagingFolder(paths, 'g', 2, 0)),
    await stage(restoreStagingFolder(paths, 'g', 3, 0)),
  ];
  await stage(stagingFolder(paths, 'g', 1, 0));
  await stage(stagingFolder(paths, 'removed', 2, 0));
  await stage(restoreStagingFolder(paths, 'g', 2, 0));
  const inUse = { epochs: [{ gang: 'g', epoch: 2 }], restores: [{ gang: 'g', incarnation: 3 }] };
  const swept = await sweepStaging(paths, inUse);
  expect(swept.toSorted()).toEqual(
    ['.restores/g/2', 'g/1', 'removed/2'].map((name) => join(paths.staging, name)),
  );
  for (const folder of kept) expect(await readdir(folder)).toEqual(['pages-1.img']);
  expect((await readdir(paths.staging)).toSorted()).toEqual(['.restores', 'g']);
  expect(await sweepStaging(paths, { epochs: [], restores: [] })).toHaveLength(2);
});

it('loses what no agent of the machine has a part in any more', async () => {
  const runtime = await mkdtemp(join(tmpdir(), 'runtime-'));
  try {
    const own = { ...paths, runtime };
    for (const [node, kind, part] of [
      ['n1', 'epochs', 'g.2.0.json'],
      ['n2', 'restores', 'g.3.1.json'],
    ] as const) {
      const folder = join(nodeRuntime(own, node), kind);
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, part), '{}');
    }
    const kept = [
      await stage(stagingFolder(own, 'g', 2, 0)),
      await stage(restoreStagingFolder(own, 'g', 3, 1)),
    ];
    await stage(stagingFolder(own, 'g', 3, 1));
    await stage(restoreStagingFolder(own, 'g', 2, 0));
    const swept = await sweepForgotten(own);
    expect(swept.toSorted()).toEqual(['.restores/g/2', 'g/3'].map((name) => join(paths.staging, name)));
    for (const folder of kept) expect(await readdir(folder)).toEqual(['pages-1.img']);
    await rm(runtime, { recursive: true });
    expect(await sweepForgotten(own)).toHaveLength(2);
  } finally {
    await rm(runtime, { recursive: true, force: true });
  }
});

it('that was never mounted has nothing to sweep', async () => {
  await rm(paths.staging, { recursive: true });
  expect(await sweepStaging(paths, { epochs: [], restores: [] })).toEqual([]);
});

describe('mounted', () => {
  const shmemEnabled = '/sys/kernel/mm/transparent_hugepage/shmem_enabled';
  const staged = 8 * 2 ** 20;

  async function mountOptions(): Promise<string[]> {
    const mounts = (await readFile('/proc/self/mounts', 'utf8')).split('\n');
    const fields = mounts.map((line) => line.split(' '));
    return fields.filter(([, folder]) => folder === paths.staging).map(([, , , options]) => options ?? '');
  }

  beforeEach(() => vi.stubEnv('STILLPOINT_STAGING_SIZE', '64m'));
  afterEach(async () => {
    vi.unstubAllEnvs();
    await unmountStaging(paths);
  });

  it('is mounted once, as large as was asked for, and is gone when it is unmounted', async () => {
    await mountStaging(paths);
    await mountStaging(paths);
    expect(await mountOptions()).toEqual([expect.stringContaining('size=65536k')]);
    await unmountStaging(paths);
    await unmountStaging(paths);
    expect(await mountOptions()).toEqual([]);
  });

  it.runIf(existsSync(shmemEnabled))(
    'has huge pages for what is large, and none for what is small',
    async () => {
      await mountStaging(paths);
      expect(await mountOptions()).toEqual([expect.stringContaining('huge=within_size')]);
      const small = Array.from({ length: 100 }, (_, index) => join(paths.staging, String(index)));
      for (const file of small) await writeFile(file, 'x');
      await writeFile(join(paths.staging, 'large'), Buffer.alloc(staged, 1));
      const { bsize, blocks, bfree } = await statfs(paths.staging);
      expect((blocks - bfree) * bsize).toBeLessThan(staged + 2 ** 20);
    },
  );
});
