// What is checked of a member after its dump and after its restore: it must not have run meanwhile.
import { holdId } from '@stillpoint/protocol';
import { expect, it } from 'vitest';
import { freeze, thaw } from './freezer.ts';
import { liftHold, takeHold } from './hold.ts';
import { requireStill } from './member-cut.ts';
import { makeNodes } from './testing/node-fixture.ts';

it.each(['v1', 'v2'] as const)('a member that was thawed or let loose is found out (%s)', async (version) => {
  await using nodes = await makeNodes(1, version);
  const { paths, freezer } = nodes;
  const record = await nodes.launch(1, ['/bin/sleep', '1000']);
  const { namespace, cgroup } = record.slot;
  const hold = holdId('a1');
  const check = (): Promise<void> => requireStill({ paths, freezer, record }, hold);
  await takeHold(namespace, hold);
  await freeze(freezer, cgroup);
  await check();

  await thaw(freezer, cgroup);
  await expect(check()).rejects.toMatchObject({ code: 'SP_MEMBER_NOT_FROZEN' });

  await freeze(freezer, cgroup);
  await liftHold(namespace, hold);
  await takeHold(namespace, holdId('b2'));
  await expect(check()).rejects.toMatchObject({ code: 'SP_HOLD_MISSING' });
});
