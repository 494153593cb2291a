// State folders that can not be used: said at once, by name; nothing of them is changed, and nothing is started.
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { homePaths } from '@stillpoint/agent';
import { startCli } from '../support/cli.ts';
import { mountTmpfs } from '../support/disks.ts';
import { refusalOf } from '../support/refusal.ts';
import { describeRemains, findRemains } from '../support/remains.ts';

let base: string;
beforeEach(async () => {
  base = await mkdtemp('/var/tmp/stillpoint-test-');
});
afterEach(() => rm(base, { recursive: true }));

async function expectRefused(home: string, code: string): Promise<void> {
  const { PATH = '', HOME = '' } = process.env;
  const env = { PATH, HOME, STILLPOINT_HOME: home };
  for (const verb of [['ps'], ['checkpoint', 'train'], ['node', 'add', 'n1']]) {
    const refused = refusalOf(await startCli([...verb, '--json'], { env, cwd: base }).result);
    expect(refused).toMatchObject({ code, message: expect.stringContaining(home) });
    expect(refused.remedy).toContain('STILLPOINT_HOME');
  }
  expect(describeRemains(findRemains(homePaths(home)))).toEqual([]);
}

test('a file', async () => {
  const home = join(base, 'home');
  await writeFile(home, 'mine');
  await expectRefused(home, 'SP_HOME_UNUSABLE');
  expect(await readFile(home, 'utf8')).toBe('mine');
});

test('a folder that members could not see', async () => {
  const home = '/tmp/stillpoint-test-hidden';
  await expectRefused(home, 'SP_HOME_UNUSABLE');
  expect(await stat(home).catch(({ code }: NodeJS.ErrnoException) => code)).toBe('ENOENT');
});

test('a folder that can not be written to', async () => {
  await using disk = await mountTmpfs(join(base, 'disk'), '1m');
  const home = join(disk.path, 'home');
  await mkdir(home);
  await disk.remount('ro');
  await expectRefused(home, 'SP_HOME_UNUSABLE');
  expect(await readdir(home)).toEqual([]);
});

test('a folder on a disk that is full', async () => {
  await using disk = await mountTmpfs(join(base, 'disk'), '64k');
  await disk.fill();
  const home = join(disk.path, 'home');
  await expectRefused(home, 'SP_HOME_UNUSABLE');
  expect(await readdir(home)).toEqual([]);
});

test('a folder that a newer version has written', async () => {
  const home = join(base, 'home');
  await mkdir(home);
  const format = '{"format":"stillpoint-home","version":2,"more":"than this program knows"}\n';
  await writeFile(join(home, 'format.json'), format);
  await writeFile(join(home, 'ledger'), 'of another kind');
  await expectRefused(home, 'SP_HOME_NEWER_VERSION');
  expect((await readdir(home)).toSorted()).toEqual(['format.json', 'ledger']);
  expect(await readFile(join(home, 'format.json'), 'utf8')).toBe(format);
});

test("a folder that is somebody else's", async () => {
  const home = join(base, 'home');
  await mkdir(home);
  await writeFile(join(home, 'format.json'), '{"format":"another"}');
  await expectRefused(home, 'SP_HOME_UNUSABLE');
  expect(await readdir(home)).toEqual(['format.json']);
});
