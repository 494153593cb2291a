// A coordinator that is killed at any step of any verb: its successor finishes or gives up what it finds, and the
// training is never lost.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { CoordinatorClient } from './client.ts';
import { Harness, type RunningCoordinator } from './testing/harness.ts';

let harness: Harness;
let first: RunningCoordinator;

beforeEach(async () => {
  harness = await Harness.create();
  first = await harness.start();
});

afterEach(async () => {
  await harness.dispose();
});

const until = (check: () => void | Promise<void>): Promise<void> =>
  vi.waitFor(check, { timeout: 20_000, interval: 5 });
const run = (client: CoordinatorClient) =>
  client.run({ name: 'train', ranks: 2, nodes: 2, command: ['train'], cwd: '/' });
const values = (): number[] => harness.world.members('train').map(({ value }) => value);
const setValues = (value: number): void => {
  for (const member of harness.world.members('train')) member.value = value + member.member;
};

/** Begins a verb, kills the coordinator when a step of member 0 is reached, and starts a successor. */
async function killAt(step: string, verb: () => Promise<unknown>): Promise<RunningCoordinator> {
  const reached = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  harness.beforeStep = async (begun) => {
    if (begun.step !== step || begun.member !== 0) return;
    reached.resolve();
    await gate.promise;
  };
  const ended = verb().catch((error: unknown) => error);
  await reached.promise;
  await first.crash();
  gate.resolve();
  harness.beforeStep = () => undefined;
  expect(await ended).toMatchObject({ code: expect.stringMatching(/^SP_COORDINATOR_(ENDS|UNREACHABLE)$/) });
  return harness.start();
}

/** Waits until nothing of the gang is under way. */
async function settled({ coordinator }: RunningCoordinator): Promise<void> {
  const gang = coordinator.context.gangs.get('train');
  await until(() => {
    expect(gang.operation).toBeUndefined();
    expect(gang.epochRun).toBeUndefined();
    expect(gang.move).toBeUndefined();
  });
}

const cutSteps = [
  'preflight',
  'freeze',
  'hold',
  'note',
  'dump',
  'check',
  'release',
  'survey',
  'persist',
  'forget',
];

describe('killed in a checkpoint', () => {
  it.each(cutSteps)('at %s: the gang runs on, and the next checkpoint is made', async (step) => {
    await run(first.client);
    const second = await killAt(step, () => first.client.checkpoint('train'));
    await settled(second);
    expect(harness.world.running('train')).toHaveLength(2);
    const [epoch] = await second.client.listEpochs('train');
    expect(epoch?.state).toBe(['survey', 'persist', 'forget'].includes(step) ? 'published' : 'aborted');
    expect(await second.client.checkpoint('train')).toMatchObject({ epoch: 2, state: 'published' });
  });

  it.each([...cutSteps.slice(0, 6), 'kill', 'persist', 'forget'])(
    'that stops, at %s: it runs on, or was stopped and can be restored',
    async (step) => {
      await run(first.client);
      setValues(40);
      const second = await killAt(step, () => first.client.checkpoint('train', { outcome: 'stop' }));
      await settled(second);
      if (['kill', 'persist', 'forget'].includes(step)) {
        expect(await second.client.wait('train')).toMatchObject({ state: 'stopped' });
        expect(harness.world.members('train')).toEqual([]);
        await second.client.restore('train');
      }
      expect(harness.world.running('train')).toHaveLength(2);
      expect(values()).toEqual([40, 41]);
    },
  );
});

describe('killed in a restore', () => {
  const steps = ['preflight', 'prepare', 'restore', 'lift', 'verify'];

  it.each(steps)('of a stopped gang, at %s: it runs, or can be restored', async (step) => {
    await run(first.client);
    setValues(7);
    await first.client.checkpoint('train', { outcome: 'stop' });
    const second = await killAt(`restore:${step}`, () => first.client.restore('train'));
    await settled(second);
    if (['lift', 'verify'].includes(step))
      expect(await second.client.showGang('train')).toMatchObject({ state: 'running' });
    else await second.client.restore('train');
    await until(() => expect(harness.world.running('train')).toHaveLength(2));
    await until(() => expect(values()).toEqual([7, 8]));
  });

  it.each(steps)('of a running gang, at %s: it runs on, or can be restored', async (step) => {
    await run(first.client);
    setValues(7);
    await first.client.checkpoint('train');
    const second = await killAt(`restore:${step}`, () => first.client.restore('train'));
    await settled(second);
    const { state } = await second.client.showGang('train');
    expect(state).toBe(['preflight', 'lift', 'verify'].includes(step) ? 'running' : 'failed');
    if (state === 'failed') await second.client.restore('train');
    await until(() => expect(harness.world.running('train')).toHaveLength(2));
    await until(() => expect(values()).toEqual([7, 8]));
  });
});

describe('killed in a restore that a node has left', () => {
  it('nobody waits for that node', async () => {
    await run(first.client);
    setValues(7);
    await first.client.checkpoint('train', { outcome: 'stop' });
    const gate = Promise.withResolvers<void>();
    harness.beforeStep = ({ step, node }) =>
      step === 'restore:restore' && node === 'n1' ? gate.promise : undefined;
    const ended = first.client.restore('train').catch((error: unknown) => error);
    await until(() => expect(harness.steps).toContain('restore:restore 0'));
    await first.client.killNode('n2');
    await first.crash();
    await ended;
    gate.resolve();
    const second = await harness.start();
    await settled(second);
    expect(await second.client.showGang('train')).toMatchObject({ state: 'failed', incarnation: 2 });
    await second.client.restore('train');
    expect(values()).toEqual([7, 8]);
  });
});

describe('killed once a restore has let all run', () => {
  it('and they end before a successor looks: that is noticed', async () => {
    await run(first.client);
    await first.client.checkpoint('train', { outcome: 'stop' });
    const marked = vi.spyOn(first.coordinator.context.store, 'markRunning');
    marked.mockReturnValue(new Promise(() => undefined));
    const ended = first.client.restore('train').catch((error: unknown) => error);
    await until(() => expect(marked).toHaveBeenCalled());
    await first.crash();
    await ended;
    for (const node of harness.world.nodes.values())
      for (const member of node.members.values()) node.change(member, { state: 'exited', exitCode: 0 });
    const second = await harness.start();
    expect(await second.client.wait('train')).toEqual({ state: 'completed', exitCode: 0 });
    expect(harness.world.members('train')).toEqual([]);
  });
});

describe('killed in a migration', () => {
  it.each(['dump', 'kill', 'persist', 'restore:preflight', 'restore:restore', 'restore:lift'])(
    'at %s: the gang runs, where it was or where it was to go',
    async (step) => {
      await run(first.client);
      setValues(3);
      await first.client.addNode({ name: 'n3' });
      const second = await killAt(step, () => first.client.migrate('train', { from: 'n1' }));
      await settled(second);
      expect(harness.world.running('train')).toHaveLength(2);
      expect(values()).toEqual([3, 4]);
      const { members } = await second.client.showGang('train');
      expect(members.map(({ node }) => node)).toEqual(step === 'dump' ? ['n1', 'n2'] : ['n3', 'n2']);
    },
  );
});

describe('killed otherwise', () => {
  it('while a gang starts: nothing of it runs, and the reason is told', async () => {
    const second = await killAt('launch', () => run(first.client));
    await settled(second);
    expect(await second.client.wait('train')).toMatchObject({
      state: 'failed',
      reason: 'the coordinator ended while the gang was starting',
    });
    expect(harness.world.members('train')).toEqual([]);
    await second.client.removeGang('train');
    await run(second.client);
  });

  it('while members end: it is noticed afterwards', async () => {
    await run(first.client);
    await first.crash();
    const node = harness.world.node('n2');
    for (const member of node.members.values()) node.change(member, { state: 'exited', exitCode: 5 });
    const second = await harness.start();
    expect(await second.client.wait('train')).toMatchObject({ state: 'failed', exitCode: 5 });
    expect(harness.world.members('train')).toEqual([]);
  });

  it('before a reboot: the gang has failed, and can be restored', async () => {
    await run(first.client);
    setValues(12);
    await first.client.checkpoint('train');
    await first.crash();
    for (const name of ['n1', 'n2']) await harness.killNode(name);
    const second = await harness.start();
    expect(await second.client.wait('train')).toMatchObject({ state: 'failed', exitCode: 137 });
    await second.client.restore('train');
    expect(values()).toEqual([12, 13]);
  });

  it('while it keeps the time of periodic checkpoints: its successor does', async () => {
    await first.client.run({ name: 'train', ranks: 1, command: ['train'], cwd: '/', everyMs: 500 });
    await first.crash();
    const second = await harness.start();
    await until(async () =>
      expect(await second.client.listEpochs('train')).toMatchObject([
        { trigger: 'periodic', state: 'published' },
      ]),
    );
    await second.client.stop('train');
  });

  it('is not enough for one that lives on and was deposed: it changes nothing any more, and ends', async () => {
    await run(first.client);
    const second = await harness.start();
    await expect(first.client.checkpoint('train')).rejects.toMatchObject({ code: 'SP_LEADER_LOST' });
    expect(first.fatal.splice(0)).toEqual([expect.objectContaining({ code: 'SP_LEADER_LOST' })]);
    expect(harness.world.running('train')).toHaveLength(2);
    expect(await second.client.checkpoint('train')).toMatchObject({ epoch: 1, state: 'published' });
  });
});

describe('asked to end', () => {
  it('gives up a checkpoint that is not decided, and lets go of its members', async () => {
    await run(first.client);
    const gate = Promise.withResolvers<void>();
    harness.beforeStep = ({ step }) => (step === 'note' ? gate.promise : undefined);
    const asked = first.client.checkpoint('train').catch((error: unknown) => error);
    await until(() => expect(harness.steps).toContain('note 0'));
    gate.resolve();
    await first.close();
    await asked;
    expect(harness.world.running('train')).toHaveLength(2);
    const second = await harness.start();
    await settled(second);
    expect(await second.client.checkpoint('train')).toMatchObject({ state: 'published' });
  });
});
