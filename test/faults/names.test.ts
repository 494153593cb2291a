// Names that are unknown or in use, and verbs that meet a gang in the wrong state: refused, and nothing is touched.
import { expect, test } from 'vitest';
import { refusal } from '../support/refusal.ts';
import { startStillpoint } from '../support/stillpoint.ts';
import { workload } from '../workloads/harness.ts';

const ballast = ['ballast.py', '--mb', '8', '--step-ms', '50', '--steps'] as const;
const command = [...ballast, '100000'] as const;

test('unknown gangs, epochs and nodes are named, with those that there are', async () => {
  await using sp = await startStillpoint({ nodes: ['n1'] });
  const gang = await sp.run({ name: 'train', ranks: 1, command });
  const unknownGang = { code: 'SP_UNKNOWN_GANG', message: expect.stringMatching(/\btrian\b.*\btrain\b/) };
  const verbs = ['show', 'checkpoint', 'epochs', 'restore', 'stop', 'logs', 'wait', 'rm'];
  for (const verb of verbs)
    expect([verb, await refusal(sp, verb, 'trian')]).toMatchObject([verb, unknownGang]);
  expect(await refusal(sp, 'migrate', 'trian', '--from', 'n1')).toMatchObject(unknownGang);
  for (const verb of ['timeline', 'verify', 'rm', 'restore'])
    expect([verb, await refusal(sp, verb, 'trian@1')]).toMatchObject([verb, unknownGang]);

  const unknownEpoch = { code: 'SP_UNKNOWN_EPOCH', message: expect.stringMatching(/\btrain\b.*\b7\b/) };
  for (const verb of ['timeline', 'verify', 'rm', 'restore'])
    expect([verb, await refusal(sp, verb, 'train@7')]).toMatchObject([verb, unknownEpoch]);
  expect(await refusal(sp, 'restore', 'train')).toMatchObject({ code: 'SP_NO_PUBLISHED_EPOCH' });

  const unknownNode = { code: 'SP_UNKNOWN_NODE', message: expect.stringMatching(/\bn9\b.*\bn1\b/) };
  expect(await refusal(sp, 'node drain', 'n9')).toMatchObject(unknownNode);
  expect(await refusal(sp, 'node kill', 'n9')).toMatchObject(unknownNode);
  expect(await refusal(sp, 'migrate', 'train', '--from', 'n9')).toMatchObject(unknownNode);
  const { epoch } = await gang.checkpoint();
  expect(await refusal(sp, 'migrate', 'train', '--from', 'n1', '--onto', 'n9')).toMatchObject(unknownNode);
  expect(await refusal(sp, 'restore', `train@${epoch}`, '--onto', 'n9')).toMatchObject(unknownNode);

  expect(await gang.show()).toMatchObject({ state: 'running', incarnation: 1 });
  await gang.goOn(1);
  expect((await sp.client.listGangs()).map(({ name }) => name)).toEqual(['train']);
  expect((await sp.client.listNodes()).map(({ name, state }) => [name, state])).toEqual([['n1', 'ready']]);
});

test('a name in use is refused, for a gang and for a node', async () => {
  await using sp = await startStillpoint({ nodes: ['n1'] });
  const gang = await sp.run({ name: 'train', ranks: 1, command });
  const again = ['train', '--ranks', '1', '--cwd', gang.cwd, '--', workload('ballast.py')];
  const inUse = { code: 'SP_GANG_NAME_IN_USE', message: expect.stringContaining('train') };
  expect(await refusal(sp, 'run', ...again)).toMatchObject(inUse);
  expect(await refusal(sp, 'node add', 'n1')).toMatchObject({
    code: 'SP_NODE_NAME_IN_USE',
    message: expect.stringContaining('n1'),
  });
  await gang.goOn(1);
  await gang.stop();
  // it has ended, and its epochs could be restored: its name is not free before it is forgotten
  expect(await refusal(sp, 'run', ...again)).toMatchObject({
    ...inUse,
    remedy: expect.stringContaining('stillpoint rm train'),
  });
  await sp.ok('rm', 'train');
  await sp.ok('run', ...again);
});

test('a second checkpoint is refused while one is under way, and the first goes on', async () => {
  await using sp = await startStillpoint();
  const gang = await sp.run({ ranks: 2, command });
  await gang.untilStep(1);
  const reached = Promise.withResolvers<void>();
  const first = sp.client.checkpoint(gang.name, {}, { onProgress: () => reached.resolve() });
  await Promise.race([reached.promise, first]);
  const second = await sp.client.checkpoint(gang.name).catch((error: unknown) => error);
  expect(second).toMatchObject({
    code: 'SP_CHECKPOINT_RUNNING',
    message: expect.stringMatching(/gang .*epoch 1/),
    retryable: true,
  });
  expect(await first).toMatchObject({ epoch: 1, state: 'published' });
  expect(await gang.checkpoint()).toMatchObject({ epoch: 2, state: 'published', retries: 0 });
  await gang.goOn(1);
});

test('of verbs that want the gang at once one has it, and the others say which', async () => {
  await using sp = await startStillpoint();
  const gang = await sp.run({ ranks: 2, command });
  await gang.goOn(1);
  await gang.checkpoint();
  const reached = Promise.withResolvers<void>();
  const restore = sp.client.restore(gang.name, {}, { onProgress: () => reached.resolve() });
  await Promise.race([reached.promise, restore]);
  const busy = { code: 'SP_GANG_BUSY', message: expect.stringContaining('restore') };
  expect(await gang.restore().catch((error: unknown) => error)).toMatchObject(busy);
  expect(await gang.checkpoint().catch((error: unknown) => error)).toMatchObject(busy);
  expect(await restore).toMatchObject({ epoch: 1, incarnation: 2 });
  await gang.goOn(1);
  expect(await refusal(sp, 'rm', gang.name)).toMatchObject({ code: 'SP_GANG_RUNNING' });
  expect(await gang.show()).toMatchObject({ state: 'running', incarnation: 2 });
});

test('a gang that is ending or has ended is not cut, and ends as it would have', async () => {
  await using sp = await startStillpoint();
  // rank 1 is done long before rank 0
  const gang = await sp.run({
    ranks: 2,
    nodes: 1,
    command: ['/bin/sh', '-c', 'test "$RANK" = 1 || exec sleep 2'],
  });
  await gang.untilMember(1, 'exited');
  expect(await refusal(sp, 'checkpoint', gang.name)).toMatchObject({
    code: 'SP_GANG_ENDING',
    message: expect.stringContaining('member 1'),
    remedy: expect.stringContaining('stillpoint wait gang'),
  });
  expect((await sp.cli('wait', gang.name)).code).toBe(0);
  expect(await refusal(sp, 'checkpoint', gang.name)).toMatchObject({
    code: 'SP_GANG_NOT_RUNNING',
    message: expect.stringContaining('completed'),
  });
  expect(await gang.epochs()).toEqual([]);
});
