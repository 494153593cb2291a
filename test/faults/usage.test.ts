// Wrong usage of every verb: exit status 2, a message that names what is wrong, and nothing is made or started.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startCli } from '../support/cli.ts';
import { refusalOf } from '../support/refusal.ts';

let base: string;
beforeAll(async () => {
  base = await mkdtemp('/var/tmp/stillpoint-test-');
});
afterAll(() => rm(base, { recursive: true }));

const longName = 'a'.repeat(41);

test.each([
  ['no such verb', ['chekpoint', 'train'], 'chekpoint'],
  ['an option that is none', ['ps', '--al'], '--al'],
  ['one argument too many', ['ps', 'train'], 'argument'],
  ['a group without its verb', ['node', 'n1'], 'n1'],
  ['a group with another verb', ['node', 'rm', 'n1'], 'rm'],
  ['run without anything', ['run'], '--ranks'],
  ['run without a command', ['run', 'train', '--ranks', '2'], 'CMD'],
  ['run without --ranks', ['run', 'train', '--', 'true'], '--ranks'],
  ['run with a rank too few', ['run', 'train', '--ranks', '0', '--', 'true'], '--ranks'],
  ['run with ranks in words', ['run', 'train', '--ranks', 'two', '--', 'true'], 'two'],
  ['run with too many ranks', ['run', 'train', '--ranks', '65', '--', 'true'], '64'],
  [
    'run on more nodes than members',
    ['run', 'train', '--ranks', '1', '--nodes', '2', '--', 'true'],
    '2 nodes',
  ],
  ['run every nothing', ['run', 'train', '--ranks', '1', '--every', 'now', '--', 'true'], 'now'],
  ['run too often', ['run', 'train', '--ranks', '1', '--every', '1ms', '--', 'true'], '1ms'],
  ['run and keep nothing', ['run', 'train', '--ranks', '1', '--keep', '0', '--', 'true'], '--keep'],
  ['run with half a variable', ['run', 'train', '--ranks', '1', '--env', 'X', '--', 'true'], 'X'],
  ['run by another policy', ['run', 'train', '--ranks', '1', '--files', 'lose', '--', 'true'], 'lose'],
  ['a name with capitals', ['run', 'Train', '--ranks', '1', '--', 'true'], 'Train'],
  ['a name that is too long', ['run', longName, '--ranks', '1', '--', 'true'], '40'],
  ['a name that leaves its folder', ['show', '../etc'], '../etc'],
  ['checkpoint without a name', ['checkpoint'], 'NAME'],
  ['checkpoint until another time', ['checkpoint', 'train', '--wait', 'never'], 'never'],
  ['checkpoint by another policy', ['checkpoint', 'train', '--outside', 'ignore'], 'ignore'],
  ['restore without a name', ['restore'], 'NAME'],
  ['restore of no number', ['restore', 'train@last'], 'last'],
  ['restore of epoch 0', ['restore', 'train@0'], '0'],
  ['restore onto a name that is none', ['restore', 'train', '--onto', 'n1,,n2'], '""'],
  ['migrate from nowhere', ['migrate', 'train'], '--from'],
  ['timeline of no epoch', ['timeline', 'train'], 'train@EPOCH'],
  ['verify of no epoch', ['verify', 'train'], 'train@EPOCH'],
  ['stop of two', ['stop', 'train', 'other'], 'argument'],
  ['show of nothing', ['show'], 'NAME'],
  ['epochs of nothing', ['epochs'], 'NAME'],
  ['logs of a rank in words', ['logs', 'train', '--rank', 'one'], 'one'],
  ['wait for nothing', ['wait'], 'NAME'],
  ['rm of nothing', ['rm'], 'NAME'],
  ['a node without a name', ['node', 'add'], 'NODE'],
  ['a node with a space', ['node', 'add', 'n 1'], 'n 1'],
  ['a clock that is off by words', ['node', 'add', 'n1', '--clock-offset', 'soon'], 'soon'],
  ['drain of nothing', ['node', 'drain'], 'NODE'],
  ['kill of two', ['node', 'kill', 'n1', 'n2'], 'argument'],
  ['nodes of something', ['nodes', 'n1'], 'argument'],
  ['doctor for another option', ['doctor', '--fix'], '--fix'],
  ['demo at another speed', ['demo', '--fast'], '--fast'],
  ['completion of another shell', ['completion', 'tcsh'], 'tcsh'],
] as const)('%s', async (_what, args, names) => {
  const home = join(base, 'home');
  const { PATH = '' } = process.env;
  const json = args.includes('--' as never) ? [args[0], '--json', ...args.slice(1)] : [...args, '--json'];
  const result = await startCli(json, { env: { PATH, STILLPOINT_HOME: home }, cwd: base }).result;
  const { code, message, remedy } = refusalOf(result, 2);
  expect([code, message]).toEqual(['SP_USAGE', expect.stringContaining(names)]);
  expect(remedy).toMatch(/stillpoint|train-1/);
  expect(await readdir(base)).toEqual([]);
});
