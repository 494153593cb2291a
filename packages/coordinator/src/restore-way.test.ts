// The way to a restore: what runs of the gang is ended, files go back, the incarnation is opened. Whatever of it is
// slow, hangs or is not answered costs nobody the coordinator, and can be left.
import { LedgerAtLimitError, LedgerFullError, LedgerUnavailableError } from '@stillpoint/ledger';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type * as Limits from './limits.ts';
import { Harness, type RunningCoordinator } from './testing/harness.ts';

vi.mock('./limits.ts', async (original) => {
  const { limits } = await original<typeof Limits>();
  return { limits: { ...limits, endForRestoreMs: 300 } };
});

let harness: Harness;
let running: RunningCoordinator;
let client: RunningCoordinator['client'];

beforeEach(async () => {
  harness = await Harness.create();
  running = await harness.start();
  ({ client } = running);
  await client.run({ name: 'train', ranks: 2, nodes: 2, command: ['train'], cwd: '/' });
  for (const member of harness.world.members('train')) member.value = 30 + member.member;
  await client.checkpoint('train');
  await client.addNode({ name: 'n3' });
});

afterEach(async () => {
  await harness.dispose();
});

const until = (check: () => void | Promise<void>): Promise<void> =>
  vi.waitFor(check, { timeout: 10_000, interval: 5 });
const elsewhere = { onto: ['n1', 'n3'] };
const members = (): string[] =>
  harness.world.members('train').map(({ incarnation, member }) => `${incarnation}/${member}`);
const values = (): number[] => harness.world.members('train').map(({ value }) => value);
const operation = () => running.coordinator.context.gangs.get('train').operation;
const readyNodes = (): string[] => {
  const { nodes } = running.coordinator.context;
  return nodes.list().flatMap(({ name }) => (nodes.find(name)?.isReady === true ? [name] : []));
};
const unavailable = (): LedgerUnavailableError =>
  new LedgerUnavailableError('no answer', { remedy: 'Look at it.', retryable: true });

/** The agent of a node is gone, with a member that nobody can end. */
async function loseAgent(node: string): Promise<void> {
  harness.canStartAgents = false;
  await harness.killAgent(node);
}

/** Begins a restore, and waits until it ends what runs. */
function untilClearing(signal?: AbortSignal): {
  readonly ended: Promise<unknown>;
  readonly seen: Promise<void>;
} {
  const seen = Promise.withResolvers<void>();
  const ended = client
    .restore('train', elsewhere, {
      ...(signal === undefined ? {} : { signal }),
      onProgress: ({ message }) => {
        if (message === 'ending what runs of the gang') seen.resolve();
      },
    })
    .catch((error: unknown) => error);
  return { ended, seen: seen.promise };
}

describe('an old node whose agent does not answer', () => {
  it('bounds the restore, which says so; the gang ends once it answers, and can be restored', async () => {
    await loseAgent('n2');
    await expect(client.restore('train', elsewhere)).rejects.toMatchObject({
      code: 'SP_GANG_NOT_ENDED',
      message: 'train had not ended after 300 ms: nothing from n2',
      remedy: expect.stringContaining('stillpoint node kill n2'),
    });
    expect(members()).toEqual(['1/1']);
    expect(running.fatal).toEqual([]);
    expect(await client.showGang('train')).toMatchObject({ incarnation: 1, state: 'stopping' });
    harness.canStartAgents = true;
    expect(await client.wait('train')).toMatchObject({ state: 'stopped' });
    await client.restore('train', elsewhere);
    expect(values()).toEqual([30, 31]);
  });

  it('bounds it also where the node is killed then', async () => {
    await loseAgent('n2');
    await expect(client.restore('train', elsewhere)).rejects.toMatchObject({ code: 'SP_GANG_NOT_ENDED' });
    await client.killNode('n2');
    harness.canStartAgents = true;
    await client.restore('train', elsewhere);
    expect(values()).toEqual([30, 31]);
  });
});

describe('a node that says nothing', () => {
  it('keeps nobody from leaving a restore, or from ending the gang', async () => {
    await client.stop('train');
    const gate = Promise.withResolvers<void>();
    const { store } = running.coordinator.context;
    const opening = vi.spyOn(store, 'openIncarnation').mockImplementationOnce(async () => {
      await gate.promise;
      throw new LedgerFullError('ledger', 'full');
    });
    const restored = client.restore('train', elsewhere).catch((error: unknown) => error);
    await until(() => expect(opening).toHaveBeenCalled());
    // one that the attempt does not need, and one that it has a place on
    for (const node of ['n2', 'n3']) await loseAgent(node);
    await until(() => expect(readyNodes()).toEqual(['n1']));
    gate.resolve();
    expect(await restored).toMatchObject({ code: 'SP_LEDGER_FULL' });
    await client.stop('train');
    expect(members()).toEqual(['2/1']);
    harness.canStartAgents = true;
    await until(() => expect(members()).toEqual([]));
  });
});

describe('a restore that ends what runs', () => {
  it('is left at once by Ctrl-C', async () => {
    await loseAgent('n2');
    const controller = new AbortController();
    const { ended, seen } = untilClearing(controller.signal);
    await seen;
    controller.abort(new Error('Ctrl-C'));
    await until(() => expect(operation()).toBeUndefined());
    expect(await ended).toMatchObject({ message: 'Ctrl-C' });
    harness.canStartAgents = true;
    expect(await client.wait('train')).toMatchObject({ state: 'stopped' });
    expect(members()).toEqual([]);
  });

  it('is left at once by `stop`', async () => {
    await loseAgent('n2');
    const { ended, seen } = untilClearing();
    await seen;
    const stopped = client.stop('train');
    expect(await ended).toMatchObject({ code: 'SP_INTERRUPTED' });
    harness.canStartAgents = true;
    await stopped;
    expect(await client.wait('train')).toMatchObject({ state: 'stopped' });
    expect(members()).toEqual([]);
  });
});

describe('a ledger', () => {
  it('that opened the incarnation, and did not say so, is asked again', async () => {
    const { store } = running.coordinator.context;
    const open = store.openIncarnation.bind(store);
    vi.spyOn(store, 'openIncarnation').mockImplementationOnce(async (...request) => {
      await open(...request);
      throw unavailable();
    });
    expect(await client.restore('train', elsewhere)).toMatchObject({ incarnation: 2 });
    expect(values()).toEqual([30, 31]);
    expect(running.fatal).toEqual([]);
  });

  it('that does not say whether it is open, and a caller who hangs up meanwhile: it is abandoned', async () => {
    const { store } = running.coordinator.context;
    const controller = new AbortController();
    vi.spyOn(store, 'openIncarnation').mockImplementationOnce(() => {
      controller.abort(new Error('Ctrl-C'));
      return Promise.reject(unavailable());
    });
    await expect(client.restore('train', elsewhere, { signal: controller.signal })).rejects.toThrow('Ctrl-C');
    await until(() => expect(operation()).toBeUndefined());
    expect(await client.wait('train')).toMatchObject({
      state: 'failed',
      reason: expect.stringContaining('given up'),
    });
    expect(harness.steps).not.toContain('restore:prepare 0');
    expect(members()).toEqual([]);
    expect(await client.restore('train', elsewhere)).toMatchObject({ incarnation: 3 });
  });

  it.each([
    ['without room', new LedgerFullError('ledger', 'full')],
    ['at its limit', new LedgerAtLimitError('ledger', 1)],
  ])('%s refuses the restore, by its own word', async (_, error) => {
    const { store } = running.coordinator.context;
    vi.spyOn(store, 'openIncarnation').mockRejectedValueOnce(error);
    await expect(client.restore('train', elsewhere)).rejects.toMatchObject({ code: error.code });
    expect(running.fatal).toEqual([]);
    expect(await client.restore('train', elsewhere)).toMatchObject({ incarnation: 3 });
  });
});
