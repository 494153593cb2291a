// `stillpoint shutdown`: nothing of Stillpoint's own is left, and nothing is lost.
import { expect, it } from 'vitest';
import { describeRemains, findRemains } from '../support/remains.ts';
import { startStillpoint } from '../support/stillpoint.ts';

it('is refused while a gang runs; afterwards nothing is left, and the gang can come back', async () => {
  await using stillpoint = await startStillpoint();
  const gang = await stillpoint.run({
    ranks: 2,
    command: ['ballast.py', '--mb', '8', '--steps', '100000', '--step-ms', '20'],
  });
  await gang.untilStep(5);
  const refused = await stillpoint.cli('shutdown');
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('SP_GANGS_RUNNING');
  await gang.untilStep(10);

  await stillpoint.ok('checkpoint', gang.name, '--stop');
  await stillpoint.ok('shutdown');
  expect(describeRemains(findRemains(stillpoint.paths))).toEqual([]);

  await stillpoint.ok('restore', gang.name);
  await gang.untilStep(20);
});
