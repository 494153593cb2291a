// Fifty epochs in a row on one PyTorch gang: no slow leak, and the last costs what the first did.
import { expect, test } from 'vitest';
import { epochsKept, takeManyEpochs, thriftyMemory } from '../support/epochs.ts';
import type { OwnUse } from '../support/footprint.ts';
import { startStillpoint } from '../support/stillpoint.ts';
import { referenceOf } from '../workloads/harness.ts';

/** How much more the last third of the epochs may cost than the first; the machine is not quiet all the time. */
const growthMax = 1.5;
/** What the lowest memory of a process in the last third may be above that in the first; garbage comes and goes. */
const residentGrowthBytesMax = 8 * 2 ** 20;

test('fifty epochs in a row of three members', async () => {
  await using sp = await startStillpoint({ env: thriftyMemory });
  const command = ['ddp.py', '--steps', '1000'] as const;
  const gang = await sp.run({ ranks: 3, command, pace: ['--step-ms', '600'], keep: epochsKept });
  await gang.untilStep(1);
  const { stallMs, durationMs, uses } = await takeManyEpochs(sp, gang, 50);
  const third = Math.floor(stallMs.length / 3);
  for (const times of [stallMs, durationMs]) {
    const [first, last] = [times.slice(0, third), times.slice(-third)].map(lowerQuartile);
    expect(last! / first!).toBeLessThan(growthMax);
  }
  const [first, last] = [uses.slice(0, third + 1), uses.slice(-third - 1)] as const;
  expect(cpuMsOf(last) / cpuMsOf(first)).toBeLessThan(growthMax);
  const grown = Object.keys(last[0]!.residentBytes)
    .map((role) => ({ role, bytes: lowestBytes(last, role) - lowestBytes(first, role) }))
    .filter(({ bytes }) => bytes > residentGrowthBytesMax);
  expect(grown).toEqual([]);
  await gang.restore();
  await gang.finish();
  await gang.expectSameAs(await referenceOf({ members: 3, command, gang: gang.name }));
});

const cpuMsOf = (uses: readonly OwnUse[]): number => uses.at(-1)!.cpuMs - uses[0]!.cpuMs;

const lowestBytes = (uses: readonly OwnUse[], role: string): number =>
  Math.min(...uses.map(({ residentBytes }) => residentBytes[role] ?? Infinity));

/** What a quarter of the values are not above: other work on the machine only adds to some. */
function lowerQuartile(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 4)]!;
}
