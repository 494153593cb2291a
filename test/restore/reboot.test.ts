// The machine starts again: everything of the state folder is gone from it but the state itself.
import { expect, test } from 'vitest';
import type { GangSummary } from '@stillpoint/coordinator';
import { mountTmpfs } from '../support/disks.ts';
import { refusal } from '../support/refusal.ts';
import { startStillpoint } from '../support/stillpoint.ts';
import { referenceOf } from '../workloads/harness.ts';

const mesh = ['build/mesh', '--messages', '2000'] as const;
const pace = ['--rate-mb', '12'];

test('after a reboot the gang has failed, says why, and is restored by the next command', async () => {
  await using sp = await startStillpoint();
  const gang = await sp.run({ ranks: 3, command: mesh, pace });
  await gang.goOn(2);
  await gang.checkpoint();
  await gang.goOn(1);
  await sp.cutPower();
  const { gangs } = await sp.json<{ gangs: GangSummary[] }>('ps');
  expect(gangs).toMatchObject([{ name: gang.name, state: 'failed', lastPublishedEpoch: 1 }]);
  expect(gangs[0]?.reason).toBeTruthy();
  expect(sp.membersLeft()).toEqual([]);
  await sp.ok('restore', gang.name);
  await gang.finish();
  await gang.expectSameAs(await referenceOf({ members: 3, command: mesh, gang: gang.name }));
});

test('power fails while a checkpoint is made: the one before it is there', async () => {
  await using sp = await startStillpoint();
  const gang = await sp.run({ ranks: 2, command: mesh, pace });
  await gang.goOn(2);
  await gang.checkpoint();
  await gang.goOn(1);
  const reached = Promise.withResolvers<void>();
  const second = sp.client.checkpoint(
    gang.name,
    {},
    { onProgress: ({ phase }) => (phase === 'dump' ? reached.resolve() : undefined) },
  );
  second.catch(() => undefined);
  await reached.promise;
  await sp.cutPower();
  await expect(second).rejects.toMatchObject({ code: 'SP_COORDINATOR_UNREACHABLE' });
  await sp.ok('restore', gang.name);
  expect(await gang.show()).toMatchObject({ state: 'running', restoredFrom: 1 });
  expect((await gang.epochs()).map(({ state }) => state)).not.toContain('open');
  await gang.finish();
  await gang.expectSameAs(await referenceOf({ members: 2, command: mesh, gang: gang.name }));
});

test('power fails while the image of a stopped gang is not in the vault: said, and the epoch before is there', async () => {
  await using sp = await startStillpoint();
  await using vault = await mountTmpfs(sp.paths.vault, '100m');
  const gang = await sp.run({ ranks: 2, command: mesh, pace });
  await gang.goOn(2);
  await gang.checkpoint();
  await gang.goOn(1);
  await vault.remount('ro');
  await refusal(sp, 'checkpoint', gang.name, '--stop');
  await sp.cutPower();
  await vault.remount('rw');
  const error = await refusal(sp, 'restore', gang.name);
  expect(error).toMatchObject({ code: 'SP_STAGING_LOST', message: expect.stringContaining(gang.name) });
  expect((await gang.epochs()).map(({ state }) => state)).toEqual(['published', 'lost']);
  await sp.ok('restore', gang.name);
  expect(await gang.show()).toMatchObject({ state: 'running', restoredFrom: 1 });
  await gang.finish();
  await gang.expectSameAs(await referenceOf({ members: 2, command: mesh, gang: gang.name }));
});
