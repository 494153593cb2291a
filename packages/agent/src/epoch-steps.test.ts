// The steps of an epoch on real sandboxes: what is late must not hit who has the member's place by now.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { epochNumber, fenceNumber, gangId, holdId, incarnationNumber } from '@stillpoint/protocol';
import { openDirectoryVault } from '@stillpoint/vault';
import { expect, it } from 'vitest';
import { EpochSteps } from './epoch-steps.ts';
import { freeze, isFrozen } from './freezer.ts';
import { listHolds, takeHold } from './hold.ts';
import { removeSandbox } from './sandbox.ts';
import type { SandboxRecord } from './sandbox-record.ts';
import { stagingFolder } from './staging.ts';
import { makeNodes, type NodeFixture } from './testing/node-fixture.ts';

const hold = holdId('a1');
const header = {
  gang: gangId('g'),
  incarnation: incarnationNumber(1),
  epoch: epochNumber(1),
  fence: fenceNumber(1),
};

async function stepsOf({ paths, freezer }: NodeFixture, record: SandboxRecord): Promise<EpochSteps> {
  return new EpochSteps({ paths, freezer, record }, header, {
    vault: await openDirectoryVault(paths.vault),
    digests: new Map(),
    removeStopped: () => Promise.resolve(),
  });
}

it('leaves alone who has the place of a member that is gone', async () => {
  await using nodes = await makeNodes(1);
  const gone = await nodes.launch(1, ['/bin/sleep', '1000'], 1);
  const steps = await stepsOf(nodes, gone);
  await removeSandbox(nodes.paths, nodes.freezer, gone.slot);
  const { slot } = await nodes.launch(1, ['/bin/sleep', '1000'], 1);
  // CRIU was killed with the old member in its hands
  const staging = stagingFolder(nodes.paths, 'g', 1, gone.member);
  await mkdir(staging, { recursive: true });
  await writeFile(join(staging, 'dump.out'), '');
  await takeHold(slot.namespace, hold);
  await freeze(nodes.freezer, slot.cgroup);

  await steps.perform({ step: 'release', holdId: hold });
  await writeFile(join(staging, 'dump.exit'), '137\n');
  await steps.perform({ step: 'release', holdId: hold });
  await steps.perform({ step: 'kill', holdId: hold });
  for (const step of ['freeze', 'note'] as const)
    await expect(steps.perform({ step })).rejects.toMatchObject({ code: 'SP_MEMBER_UNKNOWN' });
  await expect(steps.perform({ step: 'hold', holdId: holdId('b2') })).rejects.toMatchObject({
    code: 'SP_MEMBER_UNKNOWN',
  });

  expect(await isFrozen(nodes.freezer, slot.cgroup)).toBe(true);
  expect(await listHolds(slot.namespace)).toEqual([hold]);
});
