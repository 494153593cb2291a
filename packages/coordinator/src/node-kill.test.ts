// Nodes that are killed and do not die: whatever is restored waits until nothing of them can run any more.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Harness, type RunningCoordinator } from './testing/harness.ts';

let harness: Harness;
let first: RunningCoordinator;

beforeEach(async () => {
  harness = await Harness.create();
  first = await harness.start();
  await first.client.run({ name: 'train', ranks: 3, nodes: 3, command: ['train'], cwd: '/' });
  for (const member of harness.world.members('train')) member.value = 60 + member.member;
  await first.client.checkpoint('train');
  harness.canKillNodes = false;
});

afterEach(async () => {
  harness.canKillNodes = true;
  await harness.dispose();
});

const until = (check: () => void | Promise<void>): Promise<void> =>
  vi.waitFor(check, { timeout: 10_000, interval: 5 });
const running = (): string[] =>
  harness.world.running('train').map(({ incarnation, member }) => `${incarnation}/${member}`);
const values = (): number[] => harness.world.members('train').map(({ value }) => value);
const kill = (name: string): Promise<void> => first.client.killNode(name);
const timeout = { code: 'SP_NODE_KILL_TIMEOUT' };

describe('a node that does not die', () => {
  it('is killed again when that is asked for again', async () => {
    await expect(kill('n2')).rejects.toMatchObject(timeout);
    await expect(kill('n2')).rejects.toMatchObject(timeout);
    expect(running()).toContain('1/1');
    harness.canKillNodes = true;
    await kill('n2');
    expect(await first.client.wait('train')).toMatchObject({
      state: 'failed',
      reason: 'node n2 was killed, with member 1 on it',
    });
    expect(harness.world.members('train')).toEqual([]);
    await kill('n2');
  });

  it('keeps its gang from being restored until it is dead', async () => {
    await expect(kill('n2')).rejects.toMatchObject(timeout);
    const restored = first.client.restore('train', { onto: ['n1', 'n3'] });
    await until(() => expect(running()).toEqual(['1/1']));
    expect(await first.client.showGang('train')).toMatchObject({ incarnation: 1 });
    harness.canKillNodes = true;
    expect(await restored).toMatchObject({ incarnation: 2 });
    expect(running()).toEqual(['2/0', '2/1', '2/2']);
    expect(values()).toEqual([60, 61, 62]);
  });

  it('keeps neither a successor from starting, nor gangs elsewhere from being served', async () => {
    await expect(kill('n2')).rejects.toMatchObject(timeout);
    await first.crash();
    const second = await harness.start();
    const ended = second.client.wait('train');
    await until(() => expect(running()).toEqual(['1/1']));
    await second.client.run({ name: 'other', ranks: 1, command: ['train'], cwd: '/' });
    expect(second.coordinator.context.gangs.get('train').isDead).toBe(false);
    harness.canKillNodes = true;
    expect(await ended).toMatchObject({ state: 'failed', exitCode: 137 });
    await second.client.restore('train');
    expect(running()).toEqual(['2/0', '2/1', '2/2']);
  });

  it('is not put into use again before it is dead', async () => {
    await expect(kill('n2')).rejects.toMatchObject(timeout);
    await expect(first.client.addNode({ name: 'n2' })).rejects.toMatchObject(timeout);
    harness.canKillNodes = true;
    expect(await first.client.addNode({ name: 'n2' })).toMatchObject({ state: 'ready' });
    expect(running()).not.toContain('1/1');
    expect(await first.client.wait('train')).toMatchObject({ state: 'failed' });
  });
});
