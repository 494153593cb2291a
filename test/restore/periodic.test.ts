// Checkpoints that are taken by themselves, and how many of them are kept.
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { slowDown } from '../support/gang.ts';
import { startStillpoint } from '../support/stillpoint.ts';
import { until } from '../support/until.ts';
import { referenceOf, workload } from '../workloads/harness.ts';

test('--every and --keep: the newest are kept, over a crash of the coordinator and a restore', async () => {
  await using sp = await startStillpoint();
  const command = ['build/mesh', '--messages', '5000'] as const;
  const cwd = await sp.makeFolder('periodic');
  const [program, ...args] = [...command, '--rate-mb', '10', ...(await slowDown(cwd))] as const;
  const options = ['--ranks', '2', '--nodes', '2', '--every', '1s', '--keep', '2', '--cwd', cwd];
  await sp.ok('run', 'periodic', ...options, '--', workload(program), ...args);
  const gang = sp.gang('periodic', 2);

  const untilEpoch = (number: number): Promise<true> =>
    until(
      async () => {
        const published = (await gang.epochs()).filter(({ state }) => state === 'published');
        return published.some(({ epoch }) => epoch >= number) || undefined;
      },
      `epoch ${number}`,
      60_000,
    );
  await untilEpoch(4);
  await sp.killCoordinator();
  await sp.ok('ps');
  await untilEpoch(6);
  await gang.stop();

  const epochs = await gang.epochs();
  const kept = epochs.filter(({ state }) => state === 'published').map(({ epoch }) => epoch);
  expect(kept.length).toBe(2);
  expect(Math.min(...kept)).toBeGreaterThanOrEqual(4);
  expect(epochs.every(({ trigger }) => trigger === 'periodic')).toBe(true);
  const inVault = await readdir(join(sp.paths.vault), { recursive: true });
  const manifests = inVault.filter((name) => name.endsWith('manifest.json'));
  expect(manifests.length).toBe(2);

  await gang.restore();
  await untilEpoch(Math.max(...kept) + 1);
  await gang.finish();
  await gang.expectSameAs(await referenceOf({ members: 2, command, gang: gang.name }));
});
