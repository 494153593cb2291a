// A few epochs in a row leave nothing behind; epochs.long.test.ts takes fifty.
import { expect, test } from 'vitest';
import { epochsKept, takeManyEpochs } from '../support/epochs.ts';
import { startStillpoint } from '../support/stillpoint.ts';
import { referenceOf } from '../workloads/harness.ts';

test('ten epochs in a row take nothing that is not given back', async () => {
  await using sp = await startStillpoint();
  const command = ['build/mesh', '--messages', '3000'] as const;
  const gang = await sp.run({ ranks: 2, command, pace: ['--rate-mb', '6'], keep: epochsKept });
  await gang.untilStep(1);
  const { stallMs } = await takeManyEpochs(sp, gang, 10);
  expect(stallMs.length).toBe(5);
  await gang.restore();
  await gang.finish();
  await gang.expectSameAs(await referenceOf({ members: 2, command, gang: gang.name }));
});
