// Fifty epochs in a row on one PyTorch gang: no slow leak, and the last costs what the first did.
import { expect, test } from 'vitest';
import { epochsKept, takeManyEpochs } from '../support/epochs.ts';
import { startStillpoint } from '../support/stillpoint.ts';
import { referenceOf } from '../workloads/harness.ts';

/** How much more the last third of the epochs may cost than the first; the machine is not quiet all the time. */
const growthMax = 1.5;

test('fifty epochs in a row of three members', async () => {
  await using sp = await startStillpoint();
  const command = ['ddp.py', '--steps', '1000'] as const;
  const gang = await sp.run({ ranks: 3, command, pace: ['--step-ms', '600'], keep: epochsKept });
  await gang.untilStep(1);
  const costs = await takeManyEpochs(sp, gang, 50);
  expect(costs.lastThirdCpuMs / costs.firstThirdCpuMs).toBeLessThan(growthMax);
  for (const times of [costs.stallMs, costs.durationMs]) {
    const third = Math.floor(times.length / 3);
    const [first, last] = [times.slice(0, third), times.slice(-third)].map(lowerQuartile);
    expect(last! / first!).toBeLessThan(growthMax);
  }
  await gang.restore();
  await gang.finish();
  await gang.expectSameAs(await referenceOf({ members: 3, command, gang: gang.name }));
});

/** What a quarter of the values are not above: other work on the machine only adds to some. */
function lowerQuartile(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 4)]!;
}
