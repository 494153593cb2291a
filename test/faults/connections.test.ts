// Connections that a cut could tear without a sign: found and named, the training goes on, and nothing is lost. Packets
// are lost on purpose, so that each state is there for as long as the test wants it.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { TestGang } from '../support/gang.ts';
import { losePackets } from '../support/members.ts';
import { refusal } from '../support/refusal.ts';
import { type Stillpoint, startStillpoint } from '../support/stillpoint.ts';
import { until } from '../support/until.ts';
import { referenceOf } from '../workloads/harness.ts';

const command = ['channel.py', '--steps', '2000', '--step-ms', '5'] as const;
const pace = ['--step-ms', '30'] as const;
/** The port on which rank 1 waits for rank 0. */
const port = 7200;

async function startChannel(sp: Stillpoint): Promise<TestGang> {
  const gang = await sp.run({ ranks: 2, command, pace });
  await gang.goOn(1);
  return gang;
}

/** Has rank 0 do something with its connection. */
async function order(gang: TestGang, what: 'open' | 'reset' | 'close'): Promise<void> {
  await writeFile(join(gang.cwd, what), '');
  await untilSaid(gang, 0, what === 'open' ? 'opening' : what === 'close' ? 'closed' : 'reset');
}

async function untilSaid(gang: TestGang, member: number, words: string): Promise<void> {
  await until(
    async () => (await gang.output(member)).includes(`channel ${words}\n`) || undefined,
    `"channel ${words}" of member ${member}`,
  );
}

const saidOfChannel = async (gang: TestGang, member: number): Promise<string[]> =>
  (await gang.output(member)).split('\n').filter((line) => line.startsWith('channel '));

/** Restores the newest epoch and sees the gang to its end. */
async function bringBack(gang: TestGang): Promise<void> {
  await gang.restore();
  await gang.finish();
  await gang.expectSameAs(await referenceOf({ members: 2, command, gang: gang.name }));
}

test.each([
  ['the first packet', 'tcp flags & (syn | ack) == syn'],
  ['the last packet', 'tcp flags & (syn | ack) == ack'],
])('a handshake of which %s is lost: no epoch has it, and it is finished later', async (_what, lost) => {
  await using sp = await startStillpoint();
  const gang = await startChannel(sp);
  const heal = losePackets(sp, 'n2', `tcp dport ${port} ${lost}`);
  await order(gang, 'open');
  expect(await refusal(sp, 'checkpoint', gang.name)).toMatchObject({
    code: expect.stringMatching(/^SP_(CUT_NOT_CONSISTENT|CRIU_HALF_OPEN)$/),
    message: expect.stringMatching(/epoch \d+ of gang/),
    retryable: true,
  });
  expect(await gang.epochs()).toMatchObject([1, 2, 3, 4].map((epoch) => ({ epoch, state: 'aborted' })));
  expect(await gang.show()).toMatchObject({ state: 'running', incarnation: 1 });
  heal();
  await untilSaid(gang, 1, 'accepted');
  await gang.checkpoint();
  await order(gang, 'close');
  await untilSaid(gang, 1, 'closed after 40000 bytes');
  await bringBack(gang);
  expect(await saidOfChannel(gang, 1)).toEqual(['channel accepted', 'channel closed after 40000 bytes']);
});

test('a connection closed with unsent data: no epoch has it, and all of it arrives', async () => {
  await using sp = await startStillpoint();
  const gang = await startChannel(sp);
  await order(gang, 'open');
  await untilSaid(gang, 1, 'accepted');
  const heal = losePackets(sp, 'n2', `tcp dport ${port}`);
  await order(gang, 'close');
  expect(await refusal(sp, 'checkpoint', gang.name)).toMatchObject({
    code: 'SP_CUT_NOT_CONSISTENT',
    message: expect.stringMatching(/:7200.*closed before all was sent/),
    retryable: true,
  });
  expect(await gang.show()).toMatchObject({ state: 'running', incarnation: 1 });
  heal();
  await untilSaid(gang, 1, 'closed after 40000 bytes');
  await gang.checkpoint();
  await bringBack(gang);
  expect(await saidOfChannel(gang, 1)).toEqual(['channel accepted', 'channel closed after 40000 bytes']);
});

test('a reset that is lost, as by a hold: the end that is left is told, in the living gang too', async () => {
  await using sp = await startStillpoint();
  const gang = await startChannel(sp);
  await order(gang, 'open');
  await untilSaid(gang, 1, 'accepted');
  const heal = losePackets(sp, 'n2', `tcp dport ${port} tcp flags & rst == rst`);
  await order(gang, 'reset');
  expect(await saidOfChannel(gang, 1)).toEqual(['channel accepted']);
  await gang.checkpoint();
  await untilSaid(gang, 1, 'reset');
  heal();
  await gang.checkpoint();
  await bringBack(gang);
  expect(await saidOfChannel(gang, 1)).toEqual(['channel accepted', 'channel reset']);
});

test('connections that nobody accepts: named, and the gang runs on to its end', async () => {
  await using sp = await startStillpoint();
  const mesh = ['build/mesh', '--messages', '2000', '--half-open'] as const;
  const gang = await sp.run({ ranks: 2, command: mesh, pace: ['--rate-mb', '10'] });
  await gang.goOn(1);
  expect(await refusal(sp, 'checkpoint', gang.name)).toMatchObject({
    code: 'SP_CRIU_HALF_OPEN',
    message: expect.stringMatching(/member \d.*10\.233\.\d\.10 port \d+ with 10\.233\.\d\.10 port \d+/),
  });
  expect(await gang.show()).toMatchObject({ state: 'running', incarnation: 1 });
  await gang.finish();
  await gang.expectSameAs(await referenceOf({ members: 2, command: mesh, gang: gang.name }));
});
