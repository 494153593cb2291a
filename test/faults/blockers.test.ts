// What can not be cut is found before anything is touched, and named: the member, the thing, and the way out.
import { expect, test } from 'vitest';
import { refusal } from '../support/refusal.ts';
import { startStillpoint } from '../support/stillpoint.ts';
import { until } from '../support/until.ts';

test.each([
  ['io_uring', ['build/uring', '--steps', '100000', '--step-ms', '20'], 'SP_BLOCKED_IO_URING', 'io_uring'],
  ['System V memory', ['sysv.py', '--steps', '100000', '--step-ms', '20'], 'SP_BLOCKED_SYSV_IPC', 'System V'],
  ['a device', ['/bin/sh', '-c', 'exec 5</dev/kmsg; sleep 3600'], 'SP_BLOCKED_DEVICE', '/dev/kmsg'],
  [
    'a mount',
    ['/bin/sh', '-c', 'mkdir /tmp/m; mount -t tmpfs m /tmp/m; sleep 3600'],
    'SP_BLOCKED_MOUNT',
    '/tmp/m',
  ],
] as const)('%s: refused at preflight, and the gang runs on', async (_what, command, code, names) => {
  await using sp = await startStillpoint();
  const gang = await sp.run({ ranks: 2, nodes: 1, command });
  await until(async () => {
    const { blockers = [] } = await refusal(sp, 'checkpoint', gang.name);
    // both members are named, once they are that far
    return blockers.length === 2 || undefined;
  }, 'a blocker of each member');
  const error = await refusal(sp, 'checkpoint', gang.name);
  expect(error).toMatchObject({ code: 'SP_BLOCKED', message: expect.stringContaining('gang') });
  const blockers = (error.blockers ?? []).toSorted((a, b) => (a.member ?? 0) - (b.member ?? 0));
  for (const [member, blocker] of blockers.entries()) {
    expect(blocker).toMatchObject({ code, member, node: 'n1', message: expect.stringContaining(names) });
    expect(blocker.remedy).not.toBe('');
  }
  expect(await gang.show()).toMatchObject({ state: 'running', incarnation: 1 });
  expect((await gang.show()).members.map(({ state }) => state)).toEqual(['running', 'running']);
  const epochs = await gang.epochs();
  expect(epochs.length).toBeGreaterThan(0);
  for (const { state, stallMs = 0 } of epochs) expect([state, stallMs]).toEqual(['aborted', 0]);
});
