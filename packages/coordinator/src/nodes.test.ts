// Nodes, and the verbs that move gangs between them or forget them.
import { appendFile, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { CoordinatorClient } from './client.ts';
import { Harness } from './testing/harness.ts';

let harness: Harness;
let client: CoordinatorClient;

beforeEach(async () => {
  harness = await Harness.create();
  ({ client } = await harness.start());
});

afterEach(async () => {
  await harness.dispose();
});

const start = (name: string, ranks = 3) =>
  client.run({ name, ranks, nodes: ranks, command: ['train'], cwd: '/' });
const nodesOf = async (gang: string): Promise<string> =>
  (await client.showGang(gang)).members.map(({ node }) => node).join(' ');
const values = (gang: string): number[] => harness.world.members(gang).map(({ value }) => value);
const until = (check: () => void | Promise<void>): Promise<void> =>
  vi.waitFor(check, { timeout: 10_000, interval: 5 });

function setValues(gang: string, value: number): void {
  for (const member of harness.world.members(gang)) member.value = value + member.member;
}

describe('migrate', () => {
  it('moves the members of one node, with all that the gang has come to', async () => {
    await start('train');
    setValues('train', 50);
    await client.addNode({ name: 'n4' });
    const result = await client.migrate('train', { from: 'n2' });
    expect(result).toMatchObject({ epoch: 1, incarnation: 2 });
    expect(await nodesOf('train')).toBe('n1 n4 n3');
    expect(values('train')).toEqual(expect.arrayContaining([50, 51, 52]));
    expect(harness.world.running('train')).toHaveLength(3);
    expect(await client.listEpochs('train')).toMatchObject([{ outcome: 'stop', trigger: 'migrate' }]);
  });

  it('goes where it is told', async () => {
    await start('train');
    await client.migrate('train', { from: 'n2', onto: 'n1' });
    expect(await nodesOf('train')).toBe('n1 n1 n3');
  });

  it('refuses what can’t be, before anything is stopped', async () => {
    await start('train', 2);
    await client.addNode({ name: 'n3' });
    const refusal = (from: string, onto?: string): Promise<unknown> =>
      client
        .migrate('train', { from, ...(onto === undefined ? {} : { onto }) })
        .catch((error: unknown) => error);
    expect(await refusal('n9')).toMatchObject({ code: 'SP_UNKNOWN_NODE' });
    expect(await refusal('n1', 'n9')).toMatchObject({ code: 'SP_UNKNOWN_NODE' });
    expect(await refusal('n3')).toMatchObject({ code: 'SP_NOTHING_TO_MOVE' });
    await client.killNode('n3');
    expect(await refusal('n1', 'n3')).toMatchObject({ code: 'SP_NODE_NOT_READY' });
    expect(harness.world.running('train')).toHaveLength(2);
    expect(await client.listEpochs('train')).toEqual([]);
  });

  it('goes back when the target does not take it', async () => {
    await start('train', 2);
    setValues('train', 3);
    await client.addNode({ name: 'n3' });
    harness.beforeStep = ({ step, node }) => {
      if (step === 'restore:restore' && node === 'n3') throw new Error('not here');
    };
    await expect(client.migrate('train', { from: 'n2', onto: 'n3' })).rejects.toThrow('not here');
    expect(await nodesOf('train')).toBe('n1 n2');
    expect(values('train')).toEqual([3, 4]);
    expect(harness.world.running('train')).toHaveLength(2);
  });

  it('is not a gap in which `wait` ends', async () => {
    await start('train', 2);
    const ended = vi.fn<() => void>();
    const waiting = client.wait('train').then(ended);
    await client.addNode({ name: 'n3' });
    await client.migrate('train', { from: 'n2' });
    expect(ended).not.toHaveBeenCalled();
    await client.stop('train');
    await waiting;
  });
});

describe('nodes', () => {
  it('are drained: gangs move away, and nothing is placed there any more', async () => {
    await start('one', 2);
    await start('two', 2);
    setValues('two', 9);
    await client.addNode({ name: 'n3' });
    const drained = await client.drainNode('n2');
    expect(drained).toEqual({ node: 'n2', moved: ['one', 'two'] });
    expect(await nodesOf('one')).not.toContain('n2');
    expect(values('two').toSorted((a, b) => a - b)).toEqual([9, 10]);
    const nodes = await client.listNodes();
    expect(nodes.find(({ name }) => name === 'n2')).toMatchObject({ schedulable: false, members: [] });
    await client.addNode({ name: 'n2' });
    expect((await client.listNodes()).find(({ name }) => name === 'n2')).toMatchObject({ schedulable: true });
  });

  it('are killed: gangs with members there fail as a whole, and come back elsewhere', async () => {
    await start('train');
    await start('other', 1);
    setValues('train', 1);
    await client.checkpoint('train');
    await client.killNode('n2');
    expect(await client.wait('train')).toEqual({
      state: 'failed',
      exitCode: 137,
      reason: 'node n2 was killed, with member 1 on it',
    });
    expect(harness.world.members('train')).toEqual([]);
    expect(harness.world.running('other')).toHaveLength(1);
    expect((await client.listNodes()).find(({ name }) => name === 'n2')).toMatchObject({ state: 'killed' });
    await client.restore('train');
    expect(await nodesOf('train')).toMatch(/^n1 n[13] n3$/);
    expect(values('train').toSorted((a, b) => a - b)).toEqual([1, 2, 3]);
    await client.addNode({ name: 'n2' });
    await client.restore('train', { onto: ['n2'] });
    expect(await nodesOf('train')).toBe('n2 n2 n2');
  });

  it('are killed in the middle of a checkpoint: the epoch is aborted, the gang fails', async () => {
    await start('train');
    await client.checkpoint('train');
    const gate = Promise.withResolvers<void>();
    harness.beforeStep = ({ step, node }) => (step === 'dump' && node === 'n3' ? gate.promise : undefined);
    const asked = client.checkpoint('train').catch((error: unknown) => error);
    await until(() =>
      expect(harness.steps.filter((step) => step.startsWith('dump')).length).toBeGreaterThan(5),
    );
    await client.killNode('n3');
    expect(await asked).toMatchObject({ code: 'SP_NODE_LOST' });
    gate.resolve();
    expect(await client.wait('train')).toMatchObject({ state: 'failed' });
    harness.beforeStep = () => undefined;
    expect(await client.restore('train', { onto: ['n1', 'n2'] })).toMatchObject({ epoch: 1 });
  });

  it('refuse a name in use, or an unknown one', async () => {
    await client.addNode({ name: 'gpu', monotonicOffsetSeconds: 1000 });
    expect(await client.listNodes()).toMatchObject([{ name: 'gpu', index: 1, monotonicOffsetSeconds: 1000 }]);
    await expect(client.addNode({ name: 'gpu' })).rejects.toMatchObject({ code: 'SP_NODE_NAME_IN_USE' });
    await expect(client.killNode('cpu')).rejects.toMatchObject({
      code: 'SP_UNKNOWN_NODE',
      message: 'there is no node cpu (there are gpu)',
    });
    await expect(client.drainNode('cpu')).rejects.toMatchObject({ code: 'SP_UNKNOWN_NODE' });
    await expect(client.addNode({ name: 'Not_a_name' })).rejects.toMatchObject({
      code: 'SP_INVALID_REQUEST',
    });
  });

  it('get their agent back when it dies, and their members are unharmed', async () => {
    await start('train', 2);
    setValues('train', 6);
    await harness.killAgent('n1');
    await until(async () => expect((await client.listNodes())[0]).toMatchObject({ state: 'ready' }));
    expect(values('train')).toEqual([6, 7]);
    expect(await client.showGang('train')).toMatchObject({ state: 'running' });
    expect(await client.checkpoint('train')).toMatchObject({ state: 'published' });
  });
});

describe('stop', () => {
  it('ends a checkpoint, a restore and a migration', async () => {
    for (const held of ['dump', 'restore:restore', 'persist']) {
      const gang = `gang-${held.replace(':', '-')}`;
      await start(gang, 2);
      await client.checkpoint(gang);
      const gate = Promise.withResolvers<void>();
      harness.steps.splice(0);
      harness.beforeStep = ({ step }) => (step === held ? gate.promise : undefined);
      const verb =
        held === 'dump'
          ? client.checkpoint(gang)
          : held === 'restore:restore'
            ? client.restore(gang)
            : client.migrate(gang, { from: 'n2', onto: 'n1' });
      const ended = verb.catch((error: unknown) => error);
      await until(() => expect(harness.steps.some((step) => step.startsWith(held))).toBe(true));
      const stopping = client.stop(gang);
      gate.resolve();
      await stopping;
      await ended;
      harness.beforeStep = () => undefined;
      expect(['stopped', 'failed']).toContain((await client.wait(gang)).state);
      expect(harness.world.members(gang)).toEqual([]);
    }
  }, 30_000);

  it('refuses a gang that is not there', async () => {
    await expect(client.stop('nobody')).rejects.toMatchObject({ code: 'SP_UNKNOWN_GANG' });
    await start('train', 1);
    await expect(client.wait('nobody')).rejects.toMatchObject({
      message: 'there is no gang nobody (there are train)',
    });
  });
});

describe('what is stored', () => {
  it('is verified, and a flipped byte is named; a running gang is not ended for it', async () => {
    await start('train', 2);
    setValues('train', 4);
    await client.checkpoint('train');
    expect(await client.verify('train', 1)).toMatchObject({ epoch: 1, files: 2, problems: [] });
    const folder = join(harness.home, 'vault', 'gangs', 'train', 'epochs', '1');
    const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.zst'));
    await appendFile(join(folder, files[0]!), 'x');
    const { problems } = await client.verify('train', 1);
    expect(problems).toHaveLength(1);
    expect(problems[0]!.file).toContain('image');
    await expect(client.restore('train')).rejects.toMatchObject({ code: 'SP_EPOCH_DAMAGED' });
    expect(harness.world.running('train')).toHaveLength(2);
    await expect(client.verify('train', 7)).rejects.toMatchObject({ code: 'SP_UNKNOWN_EPOCH' });
  });

  it('is removed epoch by epoch, or with the gang, once that has ended', async () => {
    await start('train', 1);
    await client.checkpoint('train');
    await client.checkpoint('train');
    await client.removeEpoch('train', 1);
    await expect(client.removeEpoch('train', 1)).rejects.toMatchObject({ code: 'SP_EPOCH_NOT_PUBLISHED' });
    expect(await harness.vault.list('train')).toEqual([2]);
    await expect(client.removeGang('train')).rejects.toMatchObject({ code: 'SP_GANG_RUNNING' });
    await client.stop('train');
    await client.removeGang('train');
    expect(await client.listGangs()).toEqual([]);
    expect(await harness.vault.list('train')).toEqual([]);
    // another gang of that name goes on with its numbers: nothing old is ever taken for new
    expect(await start('train', 1)).toMatchObject({ incarnation: 2 });
    expect(await client.checkpoint('train')).toMatchObject({ epoch: 3 });
  });
});
