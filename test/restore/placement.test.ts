// Where a gang comes back: on the same nodes, on others, on fewer, away from one that is drained or dead.
import { expect, test } from 'vitest';
import type { GangDetail } from '@stillpoint/coordinator';
import { startStillpoint } from '../support/stillpoint.ts';
import { referenceOf } from '../workloads/harness.ts';

const mesh = ['build/mesh', '--messages', '2000', '--ipv6'] as const;
const pace = ['--rate-mb', '12'];
const nodesOf = ({ members }: GangDetail): string[] => members.map(({ node }) => node);

test('same nodes, other nodes, fewer nodes, one after the other', async () => {
  await using sp = await startStillpoint({ nodes: ['n1', 'n2', 'n3', 'n4', 'n5'] });
  const gang = await sp.run({ ranks: 3, command: mesh, pace });
  expect(nodesOf(await gang.show())).toEqual(['n1', 'n2', 'n3']);
  for (const onto of [['n1', 'n2', 'n3'], ['n4', 'n5'], ['n2'], ['n5', 'n1', 'n4']]) {
    await gang.goOn(2);
    await gang.checkpoint();
    await sp.ok('restore', gang.name, '--onto', onto.join(','));
    const after = await gang.show();
    expect(new Set(nodesOf(after))).toEqual(new Set(onto));
    expect(new Set(after.members.map(({ ipv4 }) => ipv4)).size).toBe(3);
  }
  await gang.finish();
  await gang.expectSameAs(await referenceOf({ members: 3, command: mesh, gang: gang.name }));
});

test('a node dies: the gang fails, and comes back without that node', async () => {
  await using sp = await startStillpoint({ nodes: ['n1', 'n2', 'n3'] });
  const gang = await sp.run({ ranks: 2, command: mesh, pace });
  await gang.goOn(2);
  await gang.checkpoint();
  await gang.goOn(1);
  await sp.ok('node', 'kill', 'n2');
  const waited = await sp.cli('wait', gang.name);
  expect(waited.code).not.toBe(0);
  expect(await gang.show()).toMatchObject({ state: 'failed', reason: expect.stringContaining('n2') });
  await sp.untilNoMembers();
  await sp.ok('restore', gang.name);
  expect(nodesOf(await gang.show())).toEqual(['n1', 'n3']);
  await gang.finish();
  await gang.expectSameAs(await referenceOf({ members: 2, command: mesh, gang: gang.name }));
});

test('migrate and drain move members away; the others stay where they are', async () => {
  await using sp = await startStillpoint({ nodes: ['n1', 'n2', 'n3', 'n4'] });
  const gang = await sp.run({ ranks: 2, command: mesh, pace });
  await gang.goOn(2);
  await sp.ok('migrate', gang.name, '--from', 'n2', '--onto', 'n4');
  expect(nodesOf(await gang.show())).toEqual(['n1', 'n4']);
  await gang.goOn(2);
  const drained = await sp.json<{ moved: string[] }>('node', 'drain', 'n1');
  expect(drained.moved).toEqual([gang.name]);
  const after = nodesOf(await gang.show());
  expect(after[1]).toBe('n4');
  expect(['n2', 'n3']).toContain(after[0]);
  expect((await gang.epochs()).map(({ outcome, trigger }) => [outcome, trigger])).toEqual(
    expect.arrayContaining([
      ['stop', 'migrate'],
      ['stop', 'drain'],
    ]),
  );
  await gang.finish();
  await gang.expectSameAs(await referenceOf({ members: 2, command: mesh, gang: gang.name }));
});
