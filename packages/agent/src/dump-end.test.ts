// Whether a dump is under way, from what an agent that was killed has left in staging.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { isDumpUnderWay } from './dump-end.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'dump-end-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const leave = (name: string, text: string): Promise<void> => writeFile(join(folder, name), text);

it.each([
  ['nothing was prepared', {}, false],
  ['CRIU runs, or was killed with its shell', { 'dump.out': '', 'dump.group': '4711\n    \n' }, true],
  ['CRIU has ended', { 'dump.out': '', 'dump.exit': '0\n' }, false],
  ['the agent was killed before it started CRIU', { 'dump.out': '', 'dump.group': 'none    \n' }, false],
])('%s', async (_, files, isUnderWay) => {
  for (const [name, text] of Object.entries(files)) await leave(name, text);
  expect(await isDumpUnderWay(folder)).toBe(isUnderWay);
});

it('waits for a shell that was just started to say so', async () => {
  await leave('dump.out', '');
  await leave('dump.group', 'none    \n');
  const found = isDumpUnderWay(folder);
  await delay(100);
  await leave('dump.group', '4711\n    \n');
  expect(await found).toBe(true);
});
