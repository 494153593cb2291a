// A full mesh of connections at full rate: one lost, doubled or early byte anywhere ends the gang.
import { expect, test } from 'vitest';
import { carry } from '../support/carry.ts';
import { startStillpoint } from '../support/stillpoint.ts';

test.each([
  { members: 2, nodes: 2, messages: 4000, options: [], seed: 21 },
  { members: 3, nodes: 3, messages: 3000, options: ['--ipv6'], seed: 22 },
  { members: 5, nodes: 3, messages: 4000, options: [], seed: 23 },
  { members: 8, nodes: 2, messages: 2000, options: ['--ipv6'], seed: 24 },
])('$members members $options on $nodes nodes', async ({ members, nodes, messages, options, seed }) => {
  await using sp = await startStillpoint();
  const command = ['build/mesh', '--messages', String(messages), ...options] as const;
  const gang = await carry(sp, { ranks: members, nodes, command, cuts: 3, stepsBetween: 3, seed });
  expect(await gang.show()).toMatchObject({ state: 'completed', incarnation: 2 });
});

test('two ranks of one member talk over the loopback interface at full rate', async () => {
  await using sp = await startStillpoint();
  const command = ['build/mesh', '--messages', '6000', '--local'] as const;
  const gang = await carry(sp, { ranks: 2, command, cuts: 3, stepsBetween: 3, seed: 31 });
  expect(await gang.show()).toMatchObject({ state: 'completed', incarnation: 2 });
});

test('connections that end while they carry data: unsent, reset', async () => {
  await using sp = await startStillpoint();
  const awkward = ['--close-unsent', '--reset'];
  const command = ['build/mesh', '--messages', '3000', ...awkward] as const;
  const gang = await carry(sp, { ranks: 3, command, cuts: 3, stepsBetween: 3, seed: 32 });
  expect(await gang.show()).toMatchObject({ state: 'completed', incarnation: 2 });
});
