// The kernel's word on holds: what is taken twice is lifted once, and one hold's lifting leaves another's in force.
import { holdId } from '@stillpoint/protocol';
import { expect, it } from 'vitest';
import { type HoldException, liftHold, listHolds, takeHold } from './hold.ts';
import { makeNodes } from './testing/node-fixture.ts';

it.each(['nothing', 'criu'] as const)(
  'a hold that is taken twice is one hold (%s passes)',
  async (exception: HoldException) => {
    await using nodes = await makeNodes(1, 'v1');
    const { namespace } = (await nodes.launch(1, ['/bin/sleep', '1000'])).slot;
    await takeHold(namespace, holdId('a1'), exception);
    await takeHold(namespace, holdId('a1'), exception);
    await takeHold(namespace, holdId('b2'));
    expect(await listHolds(namespace)).toEqual(['a1', 'b2']);
    await liftHold(namespace, holdId('a1'));
    await liftHold(namespace, holdId('a1'));
    expect(await listHolds(namespace)).toEqual(['b2']);
  },
);
