// A full mesh of connections under heavy traffic: one lost, doubled or early byte anywhere ends the gang.
import { expect, test } from 'vitest';
import { carry } from '../support/carry.ts';
import { startStillpoint } from '../support/stillpoint.ts';

test.each([
  { members: 2, nodes: 2, messages: 3000, pace: ['--rate-mb', '10'], options: [], seed: 21 },
  { members: 3, nodes: 3, messages: 1500, pace: ['--rate-mb', '10'], options: ['--ipv6'], seed: 22 },
  { members: 5, nodes: 3, messages: 1000, pace: ['--rate-mb', '13'], options: [], seed: 23 },
  { members: 8, nodes: 2, messages: 600, pace: ['--rate-mb', '14'], options: ['--ipv6'], seed: 24 },
])('$members members $options on $nodes nodes, whose queues are full', async (shape) => {
  const { members, nodes, messages, pace, options, seed } = shape;
  await using sp = await startStillpoint();
  const command = ['build/mesh', '--messages', String(messages), ...options] as const;
  const gang = await carry(sp, { ranks: members, nodes, command, pace, cuts: 2, stepsBetween: 2, seed });
  expect(await gang.show()).toMatchObject({ state: 'completed', incarnation: 2 });
});

test.each([
  ['two members', []],
  ['two ranks of one member, over the loopback interface', ['--local']],
])('%s at full rate', async (_, options) => {
  await using sp = await startStillpoint();
  const command = ['build/mesh', '--messages', '6000', ...options] as const;
  const gang = await carry(sp, { ranks: 2, command, cuts: 2, stepsBetween: 3, seed: 31 });
  expect(await gang.show()).toMatchObject({ state: 'completed', incarnation: 2 });
});

test('connections that end while they carry data: unsent, reset', async () => {
  await using sp = await startStillpoint();
  const command = ['build/mesh', '--messages', '2000', '--close-unsent', '--reset'] as const;
  const pace = ['--rate-mb', '10'];
  const gang = await carry(sp, {
    ranks: 3,
    command,
    pace,
    isAwkward: true,
    cuts: 2,
    stepsBetween: 3,
    seed: 32,
  });
  expect(await gang.show()).toMatchObject({ state: 'completed', incarnation: 2 });
});
