// Members of a node as a coordinator asks for them, on real namespaces.
import { expect, it } from 'vitest';
import { fenceNumber, gangId, incarnationNumber, memberId } from '@stillpoint/protocol';
import { NodeMembers } from './node-members.ts';
import { listUsedSlots } from './sandbox-record.ts';
import { makeNodes } from './testing/node-fixture.ts';

it('removes also what is being reserved when it is told to', { timeout: 60_000 }, async () => {
  await using nodes = await makeNodes(1);
  const members = new NodeMembers(nodes.paths, nodes.freezer, { name: 'n1', index: 1 }, () => undefined);
  const gang = gangId('g');
  const incarnation = incarnationNumber(1);
  const fence = fenceNumber(1);
  const [allocated, removed] = await Promise.all([
    members.answer({ kind: 'Allocate', gang, incarnation, fence, members: [0, 1, 2].map(memberId) }),
    members.answer({ kind: 'Remove', gang, upTo: incarnation, fence }),
  ]);
  expect(allocated).toMatchObject({ kind: 'Allocated' });
  expect(removed).toMatchObject({ kind: 'Removed', members: [0, 1, 2] });
  expect(await listUsedSlots(nodes.paths, 'n1')).toEqual([]);
});
