// A CRIU that fails, hangs, is killed or is missing: said by name, and the training goes on or can be brought back.
import { expect, test } from 'vitest';
import { findCriu, makeMischievousCriu } from '../support/criu.ts';
import { refusal } from '../support/refusal.ts';
import { startStillpoint } from '../support/stillpoint.ts';

const mesh = ['build/mesh', '--messages', '100000', '--rate-mb', '20'] as const;
const ballast = ['ballast.py', '--mb', '200', '--steps', '100000', '--step-ms', '50'] as const;

test('it is missing: no node comes up, what is missing and the mend are named, and nothing is left', async () => {
  await using sp = await startStillpoint({ env: { STILLPOINT_CRIU: '/nonexistent/criu' } });
  expect(await refusal(sp, 'node add', 'n1')).toMatchObject({
    code: 'SP_TOOL_MISSING',
    message: expect.stringContaining('/nonexistent/criu'),
    remedy: expect.stringMatching(/stillpoint setup.*STILLPOINT_CRIU/),
  });
  await sp.makeFolder('gang');
  expect(await refusal(sp, 'run', 'gang', '--ranks', '1', '--', 'sleep', '100')).toMatchObject({
    code: 'SP_TOOL_MISSING',
  });
  expect(await sp.client.listGangs()).toEqual([]);
});

test('it fails for one member: the epoch is given up, all run on, and the next one succeeds', async () => {
  await using criu = await makeMischievousCriu();
  await using sp = await startStillpoint({ env: criu.env });
  const gang = await sp.run({ ranks: 3, command: mesh });
  await gang.goOn(1);
  await criu.order('dump', 'gang-1', 'fail');
  expect(await refusal(sp, 'checkpoint', gang.name)).toMatchObject({
    code: 'SP_CRIU_FAILED',
    message: expect.stringMatching(/epoch 1 of gang.*member 1.*failed on purpose/s),
  });
  expect(await gang.show()).toMatchObject({ state: 'running', incarnation: 1 });
  await gang.goOn(1);
  await criu.order('dump', 'gang-1', 'fail');
  expect((await refusal(sp, 'checkpoint', gang.name, '--stop')).code).toBe('SP_CRIU_FAILED');
  await gang.goOn(1);
  expect(await gang.checkpoint()).toMatchObject({ epoch: 3, state: 'published' });
  await gang.restore();
  await gang.goOn(1);
});

test('it hangs before it has begun: the hold’s budget ends the epoch, the member runs on, and the next one succeeds', async () => {
  await using criu = await makeMischievousCriu();
  await using sp = await startStillpoint({ env: { ...criu.env, STILLPOINT_HOLD_BUDGET: '2' } });
  const gang = await sp.run({ ranks: 2, command: mesh });
  await gang.goOn(1);
  await criu.order('dump', 'gang-0', 'hang');
  expect(await gang.checkpoint()).toMatchObject({ epoch: 2, state: 'published', retries: 1 });
  const [given] = await gang.epochs();
  expect(given).toMatchObject({ epoch: 1, state: 'aborted', reason: expect.stringContaining('2000 ms') });
  expect(await gang.show()).toMatchObject({ state: 'running', incarnation: 1 });
  await gang.goOn(1);
});

test('it hangs with the member in its hands: it is ended, the gang fails, and comes back from its last epoch', async () => {
  await using criu = await makeMischievousCriu();
  await using sp = await startStillpoint({ env: { ...criu.env, STILLPOINT_HOLD_BUDGET: '2' } });
  const gang = await sp.run({ ranks: 2, command: ballast });
  await gang.goOn(1);
  const { epoch } = await gang.checkpoint();
  await criu.order('dump', 'gang-0', 'stop');
  const checkpoint = refusal(sp, 'checkpoint', gang.name);
  await criu.untilDone('dump', 'gang-0');
  expect((await checkpoint).code).toMatch(/^SP_(HOLD_OVER_BUDGET|MEMBER_LOST)$/);
  expect(await sp.client.wait(gang.name)).toMatchObject({
    state: 'failed',
    reason: expect.stringContaining('member 0'),
  });
  await sp.untilNoMembers();
  expect(findCriu(sp.paths.runtime, 'real')).toEqual([]);
  expect(await gang.restore()).toMatchObject({ epoch });
  await gang.goOn(1);
});

test('it is killed while it dumps: a crash of that member, from which the gang comes back', async () => {
  await using criu = await makeMischievousCriu();
  await using sp = await startStillpoint({ env: criu.env });
  const gang = await sp.run({ ranks: 2, command: ballast });
  await gang.goOn(1);
  const { epoch } = await gang.checkpoint();
  await criu.order('dump', 'gang-1', 'stop');
  const checkpoint = refusal(sp, 'checkpoint', gang.name);
  await criu.untilDone('dump', 'gang-1');
  for (const pid of findCriu(sp.paths.runtime, 'real')) process.kill(pid, 'SIGKILL');
  expect((await checkpoint).code).toMatch(/^SP_(CRIU_KILLED|MEMBER_LOST)$/);
  expect(await sp.client.wait(gang.name)).toMatchObject({ state: 'failed' });
  await sp.untilNoMembers();
  expect(await gang.restore()).toMatchObject({ epoch });
  await gang.goOn(1);
});

test('it fails or is killed while it restores: none comes back, the reason is named, and the next try succeeds', async () => {
  await using criu = await makeMischievousCriu();
  await using sp = await startStillpoint({ env: criu.env });
  const gang = await sp.run({ ranks: 3, command: mesh });
  await gang.goOn(1);
  await gang.checkpoint({ outcome: 'stop' });
  await criu.order('restore', 'gang-2', 'fail');
  expect(await refusal(sp, 'restore', gang.name)).toMatchObject({
    code: 'SP_CRIU_FAILED',
    message: expect.stringMatching(/epoch 1 of gang was not restored.*failed on purpose/s),
  });
  expect((await gang.show()).state).toMatch(/^(failed|stopped)$/);
  await sp.untilNoMembers();

  await criu.order('restore', 'gang-0', 'hang');
  const restore = refusal(sp, 'restore', gang.name);
  await criu.untilDone('restore', 'gang-0');
  for (const pid of findCriu(sp.paths.runtime, 'stand-in')) process.kill(pid, 'SIGKILL');
  expect(await restore).toMatchObject({
    code: 'SP_CRIU_KILLED',
    message: expect.stringContaining('killed by signal 9'),
  });
  await sp.untilNoMembers();
  await gang.restore();
  await gang.goOn(1);
});
