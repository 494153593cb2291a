// A member of 1.5 GB, every byte of which is verified after its restore.
import { expect, test } from 'vitest';
import { carry } from '../support/carry.ts';
import { startStillpoint } from '../support/stillpoint.ts';

test('two members of 1.5 GB', async () => {
  await using sp = await startStillpoint();
  // 188 slices of 8 MiB, one verified a step: all of them again after the cut
  const command = ['ballast.py', '--mb', '1500', '--steps', '600', '--step-ms', '0'] as const;
  const pace = ['--step-ms', '200'];
  const gang = await carry(sp, { ranks: 2, command, pace, cuts: 2, seed: 51 });
  const published = (await gang.epochs()).filter(({ state }) => state === 'published');
  expect(published.length).toBe(2);
  for (const { bytes } of published) expect(bytes?.raw).toBeGreaterThan(2 * 1500 * 2 ** 20);
});
