// Both versions of the cgroup freezer carry a gang, on a machine that has both.
import { expect, test } from 'vitest';
import { findRemains } from '../support/remains.ts';
import { startStillpoint } from '../support/stillpoint.ts';
import { referenceOf } from '../workloads/harness.ts';

test.each([
  ['v1', /\/freezer\/stillpoint\//],
  ['v2', /\/unified\/stillpoint\//],
] as const)('cgroup %s', async (version, folder) => {
  await using sp = await startStillpoint({ env: { STILLPOINT_CGROUP: version } });
  const command = ['build/mesh', '--messages', '1500', '--local'] as const;
  const gang = await sp.run({ ranks: 2, command, pace: ['--rate-mb', '12'] });
  const { cgroups } = findRemains(sp.paths);
  expect(cgroups.filter((path) => !folder.test(path))).toEqual([]);
  expect(cgroups.length).toBeGreaterThanOrEqual(2);
  for (let cut = 0; cut < 2; cut += 1) {
    await gang.goOn(2);
    await gang.checkpoint();
  }
  await gang.restore();
  await gang.goOn(1);
  await gang.checkpoint({ outcome: 'stop' });
  await sp.untilNoMembers();
  await gang.restore();
  await gang.finish();
  await gang.expectSameAs(await referenceOf({ members: 2, command, gang: gang.name }));
});
