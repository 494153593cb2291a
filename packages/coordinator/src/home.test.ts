// The state folder must be where members see it, wherever links lead.
import { mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { homePaths } from '@stillpoint/agent';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openHome } from './home.ts';

let outside: string;
let hidden: string;

beforeEach(async () => {
  outside = await mkdtemp('/var/tmp/home-');
  hidden = await mkdtemp('/tmp/home-');
});

afterEach(async () => {
  for (const folder of [outside, hidden]) await rm(folder, { recursive: true });
});

it('is refused below a folder that members have of their own, and nothing is made there', async () => {
  const link = join(outside, 'link');
  await symlink(hidden, link);
  for (const home of [hidden, link, join(hidden, 'home'), join(link, 'far', 'home')])
    await expect(openHome(home)).rejects.toMatchObject({
      code: 'SP_HOME_UNUSABLE',
      message: expect.stringContaining('a /tmp of their own'),
    });
  expect(await readdir(hidden)).toEqual([]);
});

it('is made elsewhere, through links too', async () => {
  const link = join(outside, 'link');
  await symlink(outside, link);
  const { home } = await openHome(join(link, 'far', 'home'));
  expect(home).toBe(join(outside, 'far', 'home'));
  await rm(homePaths(home).runtime, { recursive: true });
});
