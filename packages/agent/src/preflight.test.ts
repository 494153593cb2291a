// What preflight tells of a member that runs, beside what forbids a checkpoint.
import { expect, it } from 'vitest';
import { preflightMember } from './preflight.ts';
import { eventually, makeNodes } from './testing/node-fixture.ts';

it('says how large the image may become, and what room the vault has', { timeout: 60_000 }, async () => {
  await using nodes = await makeNodes(1);
  const heldBytes = 24 * 1024 ** 2;
  const record = await nodes.launch(1, [
    'python3',
    '-c',
    `b = b'x' * ${heldBytes}; import time; time.sleep(600)`,
  ]);
  const { paths, freezer } = nodes;
  const context = { paths, freezer, record };
  const vault = { freeBytes: () => Promise.resolve(4711) };
  const { blockers, room } = await eventually(async () => {
    const found = await preflightMember(context, vault, 'refuse');
    return found.room.imageBytes > heldBytes ? found : undefined;
  }, 'the memory of the member');
  expect(blockers).toEqual([]);
  expect(room.vaultFreeBytes).toBe(4711);
  expect(room.imageBytes).toBeLessThan(2 * heldBytes);
});
