// A place on a node whose name or address somebody else has: a member gets another one, and comes back there.
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { startStillpoint } from '../support/stillpoint.ts';
import { referenceOf } from '../workloads/harness.ts';

function ip(...args: readonly string[]): void {
  const { status, stderr } = spawnSync('ip', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr}`);
}

test('a restore onto a node with taken names and addresses: each member has its own, and nobody loses his', async () => {
  await using sp = await startStillpoint({ nodes: ['n1', 'n2'] });
  const command = ['build/mesh', '--messages', '2000'] as const;
  const gang = await sp.run({ ranks: 2, nodes: 1, command, pace: ['--rate-mb', '10'] });
  await gang.untilStep(1);
  const { epoch } = await gang.checkpoint();

  // the first place has its name taken, the second its IPv4 address, the third its IPv6 one
  const [name, network] = [`sp-${sp.paths.tag}-m-n2-1`, `sp-${sp.paths.tag}-n-n2`];
  ip('netns', 'add', name);
  ip('-n', network, 'link', 'add', 'other', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', name);
  ip('-n', network, 'link', 'set', 'other', 'master', 'switch', 'up');
  ip('-n', name, 'link', 'set', 'eth0', 'up');
  ip('-n', name, 'address', 'add', '10.233.2.11/16', 'dev', 'eth0');
  ip('-n', network, 'address', 'add', 'fd5a:7170::2:c/128', 'dev', 'switch', 'nodad');

  const { placement } = await gang.restore({ onto: ['n2'] });
  expect(placement).toMatchObject([
    { member: 0, node: 'n2', ipv4: '10.233.2.13', ipv6: 'fd5a:7170::2:d' },
    { member: 1, node: 'n2', ipv4: '10.233.2.14', ipv6: 'fd5a:7170::2:e' },
  ]);
  expect(await gang.show()).toMatchObject({ state: 'running', restoredFrom: epoch });
  await gang.finish();
  await gang.expectSameAs(await referenceOf({ members: 2, command, gang: gang.name }));
  ip('netns', 'delete', name);
});
