// What stays in staging, and what is removed.
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { homePaths, type HomePaths } from './paths.ts';
import { removeStaging, restoreStagingFolder, stagingFolder, sweepStaging } from './staging.ts';

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

it('that was never mounted has nothing to sweep', async () => {
  await rm(paths.staging, { recursive: true });
  expect(await sweepStaging(paths, { epochs: [], restores: [] })).toEqual([]);
});
