// The steps of an epoch on real sandboxes: what is late must not hit who has the member's place by now.
import { access, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { epochNumber, fenceNumber, gangId, holdId, incarnationNumber } from '@stillpoint/protocol';
import { openDirectoryVault } from '@stillpoint/vault';
import { expect, it, vi } from 'vitest';
import { EpochSteps } from './epoch-steps.ts';
import { freeze, isFrozen } from './freezer.ts';
import { listHolds, takeHold } from './hold.ts';
import { removeSandbox } from './sandbox.ts';
import type { SandboxRecord } from './sandbox-record.ts';
import { stagingFolder } from './staging.ts';
import { eventually, makeNodes, type NodeFixture } from './testing/node-fixture.ts';

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

it('keeps a member frozen for its files no longer than it may be held, and names the largest', async () => {
  vi.stubEnv('STILLPOINT_HOLD_BUDGET', '2');
  await using nodes = await makeNodes(1);
  const script = 'truncate -s 1000G large; exec 3<>large; touch ready; exec sleep 1000';
  const record = await nodes.launch(1, ['/bin/sh', '-c', script], 1);
  const ready = join(nodes.paths.home, 'ready');
  await eventually(() => access(ready).then(() => true).catch(() => undefined), 'the file is open'); // prettier-ignore
  const steps = await stepsOf(nodes, record);
  await steps.perform({ step: 'preflight', outside: 'refuse', files: 'refuse' });
  await steps.perform({ step: 'freeze' });
  await steps.perform({ step: 'hold', holdId: hold });
  await steps.perform({ step: 'note' });

  await expect(steps.perform({ step: 'dump', outside: 'refuse', files: 'refuse' })).rejects.toMatchObject({
    code: 'SP_FILES_TIMEOUT',
    message: expect.stringContaining(`${nodes.paths.home}/large (1073741824000 bytes)`),
  });
  await steps.perform({ step: 'release', holdId: hold });
});
