// Every verb, through the API, on nodes that are only played, a real ledger and a real vault.
import { StillpointError } from '@stillpoint/protocol';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { CoordinatorClient } from './client.ts';
import { limits } from './limits.ts';
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

const program = { command: ['train'], cwd: '/' };
const start = (name: string, ranks = 3, nodes = ranks) => client.run({ name, ranks, nodes, ...program });
const values = (gang: string): number[] => harness.world.members(gang).map(({ value }) => value);
const until = (check: () => void | Promise<void>): Promise<void> =>
  vi.waitFor(check, { timeout: 10_000, interval: 5 });

function setValues(gang: string, value: number): void {
  for (const member of harness.world.members(gang)) member.value = value + member.member;
}

function exit(gang: string, member: number, exitCode: number): void {
  for (const node of harness.world.nodes.values())
    for (const each of node.members.values())
      if (each.gang === gang && each.member === member && each.state === 'running') node.exit(each, exitCode);
}

describe('run', () => {
  it('spreads members over nodes, which it adds, and shows them', async () => {
    const result = await start('train', 5, 2);
    expect(result.placement.map(({ node }) => node)).toEqual(['n1', 'n1', 'n1', 'n2', 'n2']);
    expect(harness.world.running('train')).toHaveLength(5);
    const detail = await client.showGang('train');
    expect(detail).toMatchObject({
      state: 'running',
      ranks: 5,
      nodes: ['n1', 'n2'],
      incarnation: 1,
      epochs: [],
    });
    expect(detail.members.map(({ state }) => state)).toEqual(Array.from({ length: 5 }, () => 'running'));
    expect(new Set(detail.members.map(({ ipv4 }) => ipv4)).size).toBe(5);
    expect(
      (await client.listNodes()).map(({ name, state, members }) => [name, state, members.length]),
    ).toEqual([
      ['n1', 'ready', 3],
      ['n2', 'ready', 2],
    ]);
  });

  it('uses nodes that are there, the least loaded first', async () => {
    await start('one', 2, 2);
    await client.addNode({ name: 'n3' });
    const result = await start('two', 2, 2);
    expect(result.placement.map(({ node }) => node)).toEqual(['n1', 'n3']);
  });

  it('takes the largest environment, and its ledger does', async () => {
    const environment = { LARGE: 'x'.repeat(limits.environmentBytesMax - '{"LARGE":""}'.length) };
    const { placement } = await client.run({ name: 'train', ranks: 64, nodes: 1, ...program, environment });
    expect(placement).toHaveLength(64);
  });

  it('refuses a name in use, and leaves nothing of a gang that did not start', async () => {
    await start('train', 1);
    await expect(start('train', 1)).rejects.toMatchObject({
      code: 'SP_GANG_NAME_IN_USE',
      remedy: expect.stringMatching(/`stillpoint stop train`, then .*`stillpoint rm train`/),
    });
    harness.beforeStep = ({ step, member }) => {
      if (step === 'launch' && member === 1)
        throw new StillpointError('SP_NO_PROGRAM', 'there is no program train', { remedy: 'Install it.' });
    };
    await expect(start('other')).rejects.toMatchObject({ code: 'SP_NO_PROGRAM', remedy: 'Install it.' });
    expect(harness.world.members('other')).toEqual([]);
    expect((await client.listGangs()).map(({ name }) => name)).toEqual(['train']);
    harness.beforeStep = () => undefined;
    await start('other');
  });

  it.each([
    [{ name: 'Train' }, 'name'],
    [{ name: 'a'.repeat(41) }, 'name'],
    [{ ranks: 0 }, 'ranks'],
    [{ cwd: 'relative' }, 'cwd'],
    [{ everyMs: 1 }, 'everyMs'],
    [{ command: [] }, 'command'],
    [{ colour: 'red' }, 'colour'],
  ])('refuses %j', async (wrong, named) => {
    const request = { name: 'train', ranks: 1, ...program, ...wrong };
    await expect(client.run(request)).rejects.toMatchObject({
      code: 'SP_INVALID_REQUEST',
      message: expect.stringContaining(named),
    });
  });

  it('gives up when the caller hangs up', async () => {
    const controller = new AbortController();
    const gate = Promise.withResolvers<void>();
    harness.beforeStep = ({ step }) => (step === 'launch' ? gate.promise : undefined);
    const asked = client.run({ name: 'train', ranks: 2, ...program }, { signal: controller.signal });
    await until(() => expect(harness.steps).toContain('launch 0'));
    controller.abort(new Error('Ctrl-C'));
    await expect(asked).rejects.toThrow('Ctrl-C');
    gate.resolve();
    await until(async () => expect(await client.listGangs()).toEqual([]));
    expect(harness.world.members('train')).toEqual([]);
  });
});

describe('the end of a gang', () => {
  it('is completed when all members end with 0', async () => {
    await start('train');
    const waited = client.wait('train');
    for (const member of [1, 0, 2]) exit('train', member, 0);
    expect(await waited).toEqual({ state: 'completed', exitCode: 0 });
    expect(await client.wait('train')).toMatchObject({ exitCode: 0 });
    expect(harness.world.members('train')).toEqual([]);
  });

  it('is failed when a member fails, with its exit code, and the others are killed', async () => {
    await start('train');
    exit('train', 0, 0);
    exit('train', 2, 7);
    expect(await client.wait('train')).toEqual({
      state: 'failed',
      exitCode: 7,
      reason: 'member 2 on n3 ended with exit code 7',
    });
    expect(harness.world.members('train')).toEqual([]);
    expect(await client.showGang('train')).toMatchObject({ state: 'failed', exitCode: 7 });
  });

  it('names the signal', async () => {
    await start('train', 1);
    exit('train', 0, 139);
    expect(await client.wait('train')).toMatchObject({
      reason: 'member 0 on n1 ended with exit code 139 (SIGSEGV)',
    });
  });

  it('is noticed when nobody tells: after the agent was gone', async () => {
    await start('train', 2, 2);
    harness.canStartAgents = false;
    await harness.killAgent('n2');
    const node = harness.world.node('n2');
    for (const member of node.members.values()) node.change(member, { state: 'exited', exitCode: 3 });
    harness.canStartAgents = true;
    expect(await client.wait('train')).toMatchObject({ state: 'failed', exitCode: 3 });
  });

  it('comes by stop, also twice', async () => {
    await start('train');
    await client.stop('train');
    expect(harness.world.members('train')).toEqual([]);
    await client.stop('train');
    expect(await client.wait('train')).toMatchObject({ state: 'stopped', exitCode: 143 });
  });
});

describe('checkpoint', () => {
  it('publishes an epoch while the gang runs on', async () => {
    await start('train');
    const phases: string[] = [];
    const result = await client.checkpoint('train', {}, { onProgress: ({ phase }) => phases.push(phase) });
    expect(result).toMatchObject({
      epoch: 1,
      state: 'published',
      outcome: 'resume',
      trigger: 'manual',
      retries: 0,
    });
    expect(result.bytes?.raw).toBe(3000);
    expect(result.stallMs).toBe(5);
    expect(phases).toEqual(expect.arrayContaining(['preflight', 'freeze', 'hold', 'dump', 'persist']));
    expect(harness.world.running('train')).toHaveLength(3);
    expect(await harness.vault.list('train')).toEqual([1]);
    expect(await client.listEpochs('train')).toMatchObject([{ epoch: 1, state: 'published' }]);
    const timeline = await client.timeline('train', 1);
    expect(timeline.decision?.decision).toBe('commit');
    expect(timeline.spans.filter(({ phase }) => phase === 'dump').map(({ member }) => member)).toEqual([
      0, 1, 2,
    ]);
    await client.checkpoint('train');
    expect(await client.showGang('train')).toMatchObject({ lastPublishedEpoch: 2 });
  });

  it('is one at a time', async () => {
    await start('train');
    const gate = Promise.withResolvers<void>();
    harness.beforeStep = ({ step }) => (step === 'dump' ? gate.promise : undefined);
    const first = client.checkpoint('train');
    await until(async () => expect((await client.showGang('train')).openEpoch).toMatchObject({ epoch: 1 }));
    await expect(client.checkpoint('train')).rejects.toMatchObject({
      code: 'SP_CHECKPOINT_RUNNING',
      retryable: true,
    });
    gate.resolve();
    expect(await first).toMatchObject({ epoch: 1, state: 'published' });
  });

  it('is done at the decision, if that is all that is asked', async () => {
    await start('train');
    const gate = Promise.withResolvers<void>();
    harness.beforeStep = ({ step }) => (step === 'persist' ? gate.promise : undefined);
    const result = await client.checkpoint('train', { until: 'committed' });
    expect(result).toMatchObject({ state: 'committed' });
    await expect(client.checkpoint('train')).rejects.toMatchObject({ code: 'SP_CHECKPOINT_RUNNING' });
    gate.resolve();
    await until(async () => expect(await client.listEpochs('train')).toMatchObject([{ state: 'published' }]));
  });

  it('is aborted by a member that can’t, and the gang runs on', async () => {
    await start('train');
    harness.beforeStep = ({ step, member }) => {
      if (step === 'dump' && member === 1)
        throw new StillpointError('SP_CRIU_FAILED', 'CRIU failed', { remedy: 'Look at its log.' });
    };
    await expect(client.checkpoint('train')).rejects.toMatchObject({
      code: 'SP_CRIU_FAILED',
      message: 'epoch 1 of train: member 1: CRIU failed',
      remedy: 'Look at its log.',
    });
    expect(harness.world.running('train')).toHaveLength(3);
    expect(await client.listEpochs('train')).toMatchObject([
      { state: 'aborted', reason: 'member 1: CRIU failed' },
    ]);
    expect(await client.showGang('train')).toMatchObject({ state: 'running' });
    harness.beforeStep = () => undefined;
    expect(await client.checkpoint('train')).toMatchObject({ epoch: 2, state: 'published' });
  });

  it('is tried again after a passing reason', async () => {
    await start('train');
    let failures = 0;
    harness.beforeStep = ({ step, member }) => {
      if (step !== 'freeze' || member !== 0 || failures === 2) return;
      failures += 1;
      throw new StillpointError('SP_FREEZE_TIMEOUT', 'it did not freeze', {
        remedy: 'Try again.',
        retryable: true,
      });
    };
    expect(await client.checkpoint('train')).toMatchObject({ epoch: 3, retries: 2, state: 'published' });
    const states = (await client.listEpochs('train')).map(({ state }) => state);
    expect(states).toEqual(['aborted', 'aborted', 'published']);
  });

  it('that costs the gang its life says how, though there is nothing to try again with', async () => {
    await start('train');
    harness.beforeStep = ({ step, member }) => {
      if (member !== 1) return;
      if (step === 'release') exit('train', 1, 137);
      if (step !== 'dump') return;
      throw new StillpointError('SP_CRIU_KILLED', 'killed', { remedy: 'Restore it.', retryable: true });
    };
    await expect(client.checkpoint('train')).rejects.toMatchObject({
      code: 'SP_CRIU_KILLED',
      message: 'epoch 1 of train: member 1: killed',
    });
    expect(await client.wait('train')).toMatchObject({ state: 'failed', exitCode: 137 });
  });

  it('is given up when the caller hangs up before the decision', async () => {
    await start('train');
    const controller = new AbortController();
    const gate = Promise.withResolvers<void>();
    harness.beforeStep = ({ step }) => (step === 'dump' ? gate.promise : undefined);
    const asked = client.checkpoint('train', {}, { signal: controller.signal });
    await until(() => expect(harness.steps).toContain('dump 0'));
    controller.abort(new Error('Ctrl-C'));
    await expect(asked).rejects.toThrow('Ctrl-C');
    gate.resolve();
    await until(async () => expect(await client.listEpochs('train')).toMatchObject([{ state: 'aborted' }]));
    expect(harness.world.running('train')).toHaveLength(3);
  });

  it('stops the gang, if asked to', async () => {
    await start('train');
    const result = await client.checkpoint('train', { outcome: 'stop' });
    expect(result).toMatchObject({ state: 'published', outcome: 'stop' });
    expect(harness.world.members('train')).toEqual([]);
    const state = { state: 'stopped', reason: 'stopped by checkpoint 1' };
    expect(await client.showGang('train')).toMatchObject(state);
    expect(await client.wait('train')).toMatchObject(state);
    await expect(client.checkpoint('train')).rejects.toMatchObject({
      code: 'SP_GANG_NOT_RUNNING',
      remedy: '`stillpoint restore train` brings it back from its last epoch.',
    });
  });

  it('of a gang that has ended says what can be done with it', async () => {
    await start('train', 1);
    exit('train', 0, 7);
    await client.wait('train');
    await expect(client.checkpoint('train')).rejects.toMatchObject({
      code: 'SP_GANG_NOT_RUNNING',
      remedy: expect.stringMatching(/^It has no epoch to be restored from: .*`stillpoint rm train`\.$/),
    });
    await expect(start('train', 1)).rejects.toMatchObject({
      remedy: expect.not.stringContaining('stillpoint stop'),
    });
  });

  it('is aborted when a member ends, and the gang’s end is kept', async () => {
    await start('train');
    harness.beforeStep = ({ step, member }) => {
      if (step === 'dump' && member === 0) exit('train', 2, 9);
    };
    await expect(client.checkpoint('train')).rejects.toMatchObject({
      code: expect.stringMatching(/^SP_MEMBER_(LOST|DIED)$/),
    });
    expect(await client.wait('train')).toMatchObject({ state: 'failed', exitCode: 9 });
    expect(await client.listEpochs('train')).toMatchObject([{ state: 'aborted' }]);
    expect(harness.world.members('train')).toEqual([]);
  });

  it('is refused while the gang is ending', async () => {
    await start('train');
    exit('train', 0, 0);
    await until(async () =>
      expect((await client.showGang('train')).members.map(({ state }) => state)).toContain('exited'),
    );
    await expect(client.checkpoint('train')).rejects.toMatchObject({ code: 'SP_GANG_ENDING' });
  });

  it('survives the death of an agent in any step', async () => {
    await start('train');
    for (const deadly of ['preflight', 'freeze', 'hold', 'dump', 'persist']) {
      let isDead = false;
      harness.beforeStep = async ({ step, node }) => {
        if (step !== deadly || node !== 'n2' || isDead) return;
        isDead = true;
        await harness.killAgent('n2');
      };
      await client
        .checkpoint('train')
        .catch((error: unknown) => expect(error).toBeInstanceOf(StillpointError));
      await until(() => expect(harness.world.running('train')).toHaveLength(3));
      expect(isDead).toBe(true);
    }
    harness.beforeStep = () => undefined;
    expect(await client.checkpoint('train')).toMatchObject({ state: 'published' });
  }, 120_000);
});

describe('periodic checkpoints', () => {
  it('are made, and the oldest are removed', async () => {
    await client.run({ name: 'train', ranks: 2, nodes: 2, ...program, everyMs: 500, keep: 2 });
    await until(async () => {
      const epochs = await client.listEpochs('train');
      expect(epochs.filter(({ state }) => state === 'removed').length).toBeGreaterThan(0);
    });
    const kept = await harness.vault.list('train');
    expect(kept.length).toBeLessThanOrEqual(3);
    expect((await client.listEpochs('train'))[0]).toMatchObject({ trigger: 'periodic', state: 'removed' });
    await client.stop('train');
  });
});

describe('restore', () => {
  it('brings a stopped gang back as it was, on the same nodes', async () => {
    await start('train');
    setValues('train', 100);
    await client.checkpoint('train', { outcome: 'stop' });
    const result = await client.restore('train');
    expect(result).toMatchObject({ epoch: 1, incarnation: 2 });
    expect(result.placement.map(({ node }) => node)).toEqual(['n1', 'n2', 'n3']);
    expect(values('train')).toEqual([100, 101, 102]);
    expect(harness.world.running('train')).toHaveLength(3);
    expect(await client.showGang('train')).toMatchObject({
      state: 'running',
      incarnation: 2,
      restoredFrom: 1,
    });
    for (const member of [0, 1, 2]) exit('train', member, 0);
    expect(await client.wait('train')).toMatchObject({ state: 'completed' });
  });

  it('takes a running gang back, and forward again', async () => {
    await start('train');
    for (const value of [10, 20]) {
      setValues('train', value);
      await client.checkpoint('train');
    }
    setValues('train', 30);
    expect(await client.restore('train', { epoch: 1 })).toMatchObject({ epoch: 1, incarnation: 2 });
    expect(values('train')).toEqual([10, 11, 12]);
    expect(await client.restore('train', { epoch: 2 })).toMatchObject({ epoch: 2, incarnation: 3 });
    expect(values('train')).toEqual([20, 21, 22]);
  });

  it('goes onto other nodes, fewer nodes, and never onto one that can’t be used', async () => {
    await start('train');
    setValues('train', 5);
    await client.checkpoint('train');
    for (const name of ['n4', 'n5']) await client.addNode({ name });
    const placed = await client.restore('train', { onto: ['n4', 'n5'] });
    expect(placed.placement.map(({ node }) => node)).toEqual(['n4', 'n4', 'n5']);
    expect(values('train')).toEqual([5, 6, 7]);
    await expect(client.restore('train', { onto: ['n9'] })).rejects.toMatchObject({
      code: 'SP_UNKNOWN_NODE',
    });
    await client.drainNode('n3');
    await expect(client.restore('train', { onto: ['n3'] })).rejects.toMatchObject({
      code: 'SP_NODE_NOT_READY',
    });
    expect(harness.world.running('train')).toHaveLength(3);
  });

  it('refuses what is not there', async () => {
    await start('train');
    await expect(client.restore('train')).rejects.toMatchObject({ code: 'SP_NO_PUBLISHED_EPOCH' });
    await expect(client.restore('train', { epoch: 4 })).rejects.toMatchObject({ code: 'SP_UNKNOWN_EPOCH' });
    await expect(client.restore('nobody')).rejects.toMatchObject({ code: 'SP_UNKNOWN_GANG' });
    harness.beforeStep = ({ step }) => {
      if (step === 'dump') throw new Error('no');
    };
    await expect(client.checkpoint('train')).rejects.toThrow('no');
    await expect(client.restore('train', { epoch: 1 })).rejects.toMatchObject({
      code: 'SP_EPOCH_NOT_PUBLISHED',
    });
    expect(harness.world.running('train')).toHaveLength(3);
  });

  it('kills the whole attempt when one member fails, and can be tried again', async () => {
    await start('train');
    setValues('train', 7);
    await client.checkpoint('train', { outcome: 'stop' });
    harness.beforeStep = ({ step, member }) => {
      if (step === 'restore:restore' && member === 1) throw new Error('no such image');
    };
    await expect(client.restore('train')).rejects.toThrow(
      'epoch 1 of train was not restored: member 1: no such image',
    );
    expect(harness.world.members('train')).toEqual([]);
    const failed = await client.showGang('train');
    expect(failed.state).toBe('failed');
    expect(failed.reason).toContain('no such image');
    harness.beforeStep = () => undefined;
    expect(await client.restore('train')).toMatchObject({ incarnation: 3 });
    expect(values('train')).toEqual([7, 8, 9]);
  });

  it('does not end a running gang when a target is not ready', async () => {
    await start('train');
    await client.checkpoint('train');
    harness.beforeStep = ({ step }) => {
      if (step === 'restore:preflight')
        throw new StillpointError('SP_NODE_NO_ROOM', 'no room', { remedy: 'Make room.' });
    };
    await expect(client.restore('train')).rejects.toMatchObject({ remedy: 'Make room.' });
    expect(harness.world.running('train')).toHaveLength(3);
    expect(await client.showGang('train')).toMatchObject({ state: 'running', incarnation: 1 });
    harness.beforeStep = () => undefined;
    // its number is never used again
    expect(await client.restore('train')).toMatchObject({ incarnation: 3 });
  });

  it('is given up when the caller hangs up before `go`', async () => {
    await start('train');
    await client.checkpoint('train', { outcome: 'stop' });
    const controller = new AbortController();
    const gate = Promise.withResolvers<void>();
    harness.beforeStep = ({ step }) => (step === 'restore:restore' ? gate.promise : undefined);
    const asked = client.restore('train', {}, { signal: controller.signal });
    await until(() => expect(harness.steps).toContain('restore:restore 0'));
    controller.abort(new Error('Ctrl-C'));
    await expect(asked).rejects.toThrow('Ctrl-C');
    gate.resolve();
    await until(async () => expect((await client.showGang('train')).state).toBe('failed'));
    expect(harness.world.members('train')).toEqual([]);
  });

  it('tells logs by the timeline', async () => {
    await start('train', 1);
    setValues('train', 4);
    await client.checkpoint('train');
    await client.restore('train');
    const logs = await client.logs('train');
    expect(logs.ranks[0]?.segments.filter(({ stream }) => stream === 'stdout')).toEqual([
      { stream: 'stdout', path: 'train/1/0.out', fromBytes: 0, toBytes: 40, live: false },
      { stream: 'stdout', path: 'train/2/0.out', fromBytes: 0, live: true },
    ]);
  });
});
