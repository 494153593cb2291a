// A connection to somebody outside the gang: refused by default and named; closed in the image, or kept, by policy.
import { expect, test } from 'vitest';
import type { TestGang } from '../support/gang.ts';
import { type Outsider, startOutsider } from '../support/outsider.ts';
import { refusal } from '../support/refusal.ts';
import { type Stillpoint, startStillpoint } from '../support/stillpoint.ts';
import { until } from '../support/until.ts';
import { workload } from '../workloads/harness.ts';

/** A gang of which member 0 talks to the outsider for as long as it runs, and verifies each answer. */
async function startTalker(sp: Stillpoint, { address, port }: Outsider, messages: number): Promise<TestGang> {
  const outside = `${address}:${port}`;
  const script = `test "$RANK" = 0 && set -- --outside ${outside}; exec "$MESH" --messages ${messages} --rate-mb 40 "$@"`;
  const gang = await sp.run({
    ranks: 2,
    command: ['/bin/sh', '-c', script, 'sh'],
    environment: { MESH: workload('build/mesh') },
  });
  await untilConnected(gang, 1);
  return gang;
}

const count = (text: string, pattern: RegExp): number => text.match(pattern)?.length ?? 0;

/** Waits until the gang's timeline has a connection to the outsider for the nth time. */
async function untilConnected(gang: TestGang, times: number): Promise<void> {
  await until(
    async () => count(await gang.output(0), /^outside connected$/gm) >= times || undefined,
    `connection ${times} to the outsider`,
  );
}

test('refused by default, by name; the gang and its connection go on', async () => {
  await using sp = await startStillpoint({ nodes: ['n1'] });
  await using outsider = await startOutsider(sp, 'n1');
  const gang = await startTalker(sp, outsider, 3000);
  const error = await refusal(sp, 'checkpoint', gang.name);
  expect(error.code).toBe('SP_BLOCKED');
  expect(error.blockers).toMatchObject([
    {
      code: 'SP_BLOCKED_OUTSIDE',
      member: 0,
      message: expect.stringContaining(`${outsider.address} port ${outsider.port}`),
      remedy: expect.stringMatching(/--outside close.*--outside keep/),
    },
  ]);
  await gang.finish();
  expect(await gang.output(0)).not.toContain('outside lost');
});

test('--outside close: the living gang notices nothing, the restored one sees a reset', async () => {
  await using sp = await startStillpoint({ nodes: ['n1', 'n2', 'n3', 'n4'] });
  await using outsider = await startOutsider(sp, 'n1');
  const gang = await startTalker(sp, outsider, 4000);
  await gang.goOn(1);
  await sp.ok('checkpoint', gang.name, '--outside', 'close');
  await gang.goOn(1);
  expect(await gang.output(0)).not.toContain('outside lost');
  await gang.restore({ onto: ['n3', 'n4'] });
  await untilConnected(gang, 2);
  expect(count(await gang.output(0), /^outside lost: /gm)).toBe(1);
  await gang.finish();
});

test('--outside keep: a stopped gang that comes back with its address goes on with the connection', async () => {
  await using sp = await startStillpoint({ nodes: ['n1', 'n2'] });
  await using outsider = await startOutsider(sp, 'n1');
  const gang = await startTalker(sp, outsider, 4000);
  await gang.goOn(1);
  const addresses = async (): Promise<string[]> => (await gang.show()).members.map(({ ipv4 }) => ipv4);
  const before = await addresses();
  await sp.ok('checkpoint', gang.name, '--stop', '--outside', 'keep');
  await sp.untilNoMembers();
  await gang.restore();
  expect(await addresses()).toEqual(before);
  await gang.finish();
  const output = await gang.output(0);
  expect([count(output, /^outside connected$/gm), output.includes('outside lost')]).toEqual([1, false]);
});

test('the policy of a gang holds for every epoch, and an epoch may have its own', async () => {
  await using sp = await startStillpoint({ nodes: ['n1'] });
  await using outsider = await startOutsider(sp, 'n1');
  const script = `exec 3<>/dev/tcp/${outsider.address}/${outsider.port}; echo connected; read -r -u 3`;
  const command = ['/bin/bash', '-c', script] as const;
  const gang = await sp.run({ ranks: 1, command, outside: 'close' });
  await until(async () => (await gang.output(0)) === 'connected\n' || undefined, 'the connection');
  expect(await gang.checkpoint()).toMatchObject({ epoch: 1, state: 'published' });
  expect(await refusal(sp, 'checkpoint', gang.name, '--outside', 'refuse')).toMatchObject({
    code: 'SP_BLOCKED',
    blockers: [{ code: 'SP_BLOCKED_OUTSIDE', member: 0 }],
  });
  expect(await gang.show()).toMatchObject({ state: 'running', outside: 'close' });
});
