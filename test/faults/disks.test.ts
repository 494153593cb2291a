// Full disks, in staging and in the vault, and nodes without room: refused or given up by name, and the ranks run on.
import { statfs } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { fillDisk, freeDisk, mountTmpfs } from '../support/disks.ts';
import { refusal } from '../support/refusal.ts';
import { startStillpoint } from '../support/stillpoint.ts';
import { until } from '../support/until.ts';

const mesh = ['build/mesh', '--messages', '100000', '--rate-mb', '20'] as const;

test('too little room in staging for one member: refused at preflight, with what is needed and what there is', async () => {
  await using sp = await startStillpoint({ env: { STILLPOINT_STAGING_SIZE: '16m' } });
  const command = ['ballast.py', '--mb', '40', '--steps', '100000', '--step-ms', '50'] as const;
  const gang = await sp.run({ ranks: 1, command });
  await gang.goOn(1);
  expect(await refusal(sp, 'checkpoint', gang.name)).toMatchObject({
    code: 'SP_BLOCKED',
    blockers: [
      {
        code: 'SP_STAGING_FULL',
        member: 0,
        message: expect.stringMatching(/about \d+ MiB in .*staging, which has \d+ MiB free/),
        remedy: expect.stringContaining('STILLPOINT_STAGING_SIZE'),
      },
    ],
  });
  await gang.goOn(1);
  expect(await gang.show()).toMatchObject({ state: 'running', incarnation: 1 });
});

test('staging runs full while members are dumped: the epoch is given up, all run on, and nothing stays staged', async () => {
  // each member fits, both together do not
  await using sp = await startStillpoint({ env: { STILLPOINT_STAGING_SIZE: '72m' } });
  const command = ['ballast.py', '--mb', '40', '--steps', '100000', '--step-ms', '50'] as const;
  const gang = await sp.run({ ranks: 2, command });
  await gang.goOn(1);
  const freeBefore = await freeBytes(sp.paths.staging);
  const error = await refusal(sp, 'checkpoint', gang.name);
  expect(error.message).toMatch(/no space|No space|full|room/);
  expect(error.code).not.toMatch(/INTERNAL|BROKEN|SP_CRIU_FAILED/);
  await gang.goOn(1);
  expect(await gang.show()).toMatchObject({ state: 'running', incarnation: 1 });
  expect((await gang.show()).members.map(({ state }) => state)).toEqual(['running', 'running']);
  expect(await freeBytes(sp.paths.staging)).toBe(freeBefore);
});

test('the vault is full: the epoch is lost and says so; once there is room the next one is kept', async () => {
  await using sp = await startStillpoint();
  await using vault = await mountTmpfs(sp.paths.vault, '100m');
  const gang = await sp.run({ ranks: 2, command: mesh });
  await gang.goOn(1);
  const { epoch: kept } = await gang.checkpoint();
  await vault.fill();
  expect(await refusal(sp, 'checkpoint', gang.name)).toMatchObject({
    code: expect.stringMatching(/FULL/),
    message: expect.stringContaining(sp.paths.vault),
    remedy: expect.stringContaining('Free space'),
  });
  expect(await gang.show()).toMatchObject({ state: 'running', incarnation: 1, lastPublishedEpoch: kept });
  await gang.goOn(1);
  await vault.free();
  const { epoch } = await gang.checkpoint();
  expect((await gang.epochs()).map(({ state }) => state)).toEqual(['published', 'lost', 'published']);
  expect(await gang.restore()).toMatchObject({ epoch });
  await gang.goOn(1);
});

test('the vault is full when a gang is to be stopped: refused at preflight, and it runs on', async () => {
  await using sp = await startStillpoint();
  await using vault = await mountTmpfs(sp.paths.vault, '100m');
  const gang = await sp.run({ ranks: 2, command: mesh });
  await gang.goOn(1);
  await vault.fill();
  expect(await refusal(sp, 'checkpoint', gang.name, '--stop')).toMatchObject({
    code: 'SP_BLOCKED',
    blockers: [{ code: 'SP_VAULT_NO_ROOM', message: expect.stringContaining('0 MiB free') }],
  });
  await gang.goOn(1);
  expect(await gang.show()).toMatchObject({ state: 'running', incarnation: 1 });
  await vault.free();
  await gang.checkpoint({ outcome: 'stop' });
});

test('the vault takes nothing once a gang is stopped: it has stopped, and is published by the restore', async () => {
  await using sp = await startStillpoint();
  await using vault = await mountTmpfs(sp.paths.vault, '100m');
  const gang = await sp.run({ ranks: 2, command: mesh });
  await gang.goOn(1);
  await vault.remount('ro');
  const error = await refusal(sp, 'checkpoint', gang.name, '--stop');
  expect(error.code).toBe('SP_VAULT_UNAVAILABLE');
  await sp.untilNoMembers();
  const reached = await gang.step();
  expect((await refusal(sp, 'restore', gang.name)).code).toBe('SP_VAULT_UNAVAILABLE');
  await vault.remount('rw');
  await gang.restore();
  expect(await gang.step()).toBeGreaterThanOrEqual(reached);
  await gang.goOn(1);
});

test('the whole state folder is full: epochs are given up, the ranks run on, and all goes on once there is room', async () => {
  await using disk = await mountTmpfs(`/var/tmp/stillpoint-test-disk-${process.pid}`, '200m');
  await using sp = await startStillpoint({ parent: disk.path });
  const gang = await sp.run({ ranks: 2, command: mesh });
  await gang.goOn(1);
  const { epoch: kept } = await gang.checkpoint();
  await disk.fill();
  const { pid } = await sp.client.health();
  const checkpoint = refusal(sp, 'checkpoint', gang.name);
  // even the end of the epoch can not be written down: until there is room
  await until(
    async () => (await gang.show()).openEpoch?.phase === 'lost' || undefined,
    'the end of the epoch',
  );
  await disk.free();
  expect(await checkpoint).toMatchObject({
    code: expect.stringMatching(/FULL/),
    message: expect.stringContaining(disk.path),
    remedy: expect.stringContaining('Free space'),
  });
  expect((await sp.client.health()).pid).toBe(pid);
  expect(await gang.show()).toMatchObject({ state: 'running', incarnation: 1, lastPublishedEpoch: kept });
  await gang.goOn(1);
  const { epoch } = await gang.checkpoint();
  expect(epoch).toBeGreaterThan(kept);
  expect((await gang.epochs()).map(({ state }) => state)).not.toContain('open');
  await gang.restore();
  await gang.goOn(1);
});

test('a restore onto a node without room: refused before anything is touched', async () => {
  await using sp = await startStillpoint({ nodes: ['n1', 'n2'], env: { STILLPOINT_STAGING_SIZE: '80m' } });
  const command = ['ballast.py', '--mb', '40', '--steps', '100000', '--step-ms', '50'] as const;
  const gang = await sp.run({ ranks: 1, command });
  await gang.goOn(1);
  const { epoch } = await gang.checkpoint();
  await fillDisk(sp.paths.staging);
  for (const onto of ['n1', 'n2']) {
    const error = await refusal(sp, 'restore', `${gang.name}@${epoch}`, '--onto', onto);
    expect(error).toMatchObject({
      code: 'SP_BLOCKED',
      blockers: [
        { code: 'SP_NODE_NO_ROOM', node: onto, message: expect.stringMatching(/\d+ MiB are needed/) },
      ],
    });
    expect(await gang.show()).toMatchObject({ state: 'running', incarnation: 1 });
  }
  await freeDisk(sp.paths.staging);
  expect(await gang.restore({ onto: ['n2'] })).toMatchObject({ epoch });
  await gang.goOn(1);
});

async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
}
