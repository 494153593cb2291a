// Hooks within real epochs: in their order, within their time, and never in the way of the training.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { RunRequest } from './api.ts';
import { callOverHttp, type HookMessage } from './hooks.ts';
import { Harness, type RunningCoordinator } from './testing/harness.ts';

let harness: Harness;
let first: RunningCoordinator;
/** Hooks in the order in which they ran, as `name` or `name member`. */
let ran: string[];

beforeEach(async () => {
  harness = await Harness.create();
  first = await harness.start();
  ran = [];
  harness.hook = (url) => {
    ran.push(url.slice('http://x/'.length));
    return Promise.resolve();
  };
});

afterEach(() => harness.dispose());

type Hooks = NonNullable<RunRequest['hooks']>;
const over = (
  name: string,
  when: 'pre' | 'post',
  phase: Hooks[number]['phase'],
  more: object = {},
): Hooks[number] => ({
  name,
  when,
  phase,
  http: { url: `http://x/${name}` },
  ...more,
});
const run = async (...hooks: Hooks): Promise<void> => {
  await first.client.run({ name: 'train', ranks: 2, nodes: 2, command: ['train'], cwd: '/', hooks });
};
const everywhere: Hooks = (['preflight', 'freeze', 'hold', 'dump', 'release', 'persist'] as const).flatMap(
  (phase) => [over(`pre-${phase}`, 'pre', phase), over(`post-${phase}`, 'post', phase)],
);
const inOrder = everywhere.map(({ name }) => name);

describe('hooks', () => {
  it('run before and after every phase, in this order, and are on the timeline', async () => {
    await run(...everywhere);
    const { epoch } = await first.client.checkpoint('train');
    expect(ran).toEqual(inOrder);
    const { hooks } = await first.client.timeline('train', epoch);
    expect(hooks.map(({ name }) => name)).toEqual(inOrder);
    for (const hook of hooks) expect(hook.endMs).toBeGreaterThanOrEqual(hook.startMs);
    expect((await first.client.showGang('train')).hooks).toContainEqual({
      name: 'pre-freeze',
      when: 'pre',
      phase: 'freeze',
    });
  });

  it('after a release run where somebody was released', async () => {
    await run(...everywhere);
    await first.client.checkpoint('train', { outcome: 'stop' });
    expect(ran).toEqual(inOrder.filter((name) => name !== 'post-release'));
  });

  it('in sandboxes run in each member, or in those that are named', async () => {
    const requests: { member: number; node: string | undefined; environment: Record<string, string> }[] = [];
    harness.runHook = ({ member, program, hook }) => {
      ran.push(`${hook} ${member}`);
      requests.push({ member, node: program.environment['RANK'], environment: program.environment });
      return Promise.resolve({ kind: 'HookRan', exitCode: 0, isOverdue: false, output: '' });
    };
    await run(
      { name: 'all', when: 'pre', phase: 'freeze', exec: { command: ['flush'] } },
      { name: 'one', when: 'post', phase: 'release', exec: { command: ['open'], ranks: [1] } },
    );
    const { epoch } = await first.client.checkpoint('train');
    expect(ran.toSorted()).toEqual(['all 0', 'all 1', 'one 1']);
    expect(requests[0]?.environment).toMatchObject({
      STILLPOINT_GANG: 'train',
      STILLPOINT_EPOCH: String(epoch),
      STILLPOINT_PHASE: 'freeze',
      STILLPOINT_WHEN: 'pre',
      WORLD_SIZE: '2',
    });
  });
});

describe('a hook that fails', () => {
  it('before the decision gives the epoch up, and the training goes on', async () => {
    await run(over('bad', 'post', 'hold'), over('open', 'post', 'release'), over('close', 'pre', 'freeze'));
    harness.hook = (url) => {
      ran.push(url.slice('http://x/'.length));
      return url.endsWith('bad') ? Promise.reject(new Error('no room')) : Promise.resolve();
    };
    await expect(first.client.checkpoint('train')).rejects.toMatchObject({
      code: 'SP_HOOK_FAILED',
      message: expect.stringContaining('the hook bad (post hold) failed: no room'),
    });
    // what was closed is open again
    expect(ran).toEqual(['close', 'bad', 'open']);
    const [epoch] = await first.client.listEpochs('train');
    expect(epoch).toMatchObject({ state: 'aborted' });
    const { hooks } = await first.client.timeline('train', epoch?.epoch ?? 0);
    expect(hooks[1]).toMatchObject({ name: 'bad', problem: 'no room' });
    expect(await first.client.showGang('train')).toMatchObject({ state: 'running', incarnation: 1 });
  });

  it('is a warning where it says so, and after the decision', async () => {
    await run(over('bad', 'pre', 'dump', { failurePolicy: 'Continue' }), over('bad-too', 'post', 'persist'));
    harness.hook = () => Promise.reject(new Error('no'));
    const { epoch } = await first.client.checkpoint('train');
    expect(await first.client.timeline('train', epoch)).toMatchObject({
      state: 'published',
      hooks: [{ problem: 'no' }, { problem: 'no' }],
    });
  });

  it('in a sandbox is told with the member and what it printed', async () => {
    harness.runHook = ({ member }) =>
      Promise.resolve({ kind: 'HookRan', exitCode: member, isOverdue: false, output: 'disk full\n' });
    await run({ name: 'flush', when: 'pre', phase: 'freeze', exec: { command: ['flush'] } });
    await expect(first.client.checkpoint('train')).rejects.toMatchObject({
      message: expect.stringContaining('member 1: it ended with exit code 1: disk full'),
    });
  });

  it('by never answering is over at its deadline', async () => {
    await run(over('hangs', 'pre', 'dump', { deadlineMs: 50 }));
    harness.hook = () => new Promise(() => undefined);
    await expect(first.client.checkpoint('train')).rejects.toMatchObject({
      code: 'SP_HOOK_FAILED',
      message: expect.stringContaining('no answer after 50 ms'),
    });
    expect(harness.world.running('train')).toHaveLength(2);
  });

  it('can not hold members for longer than they can stand', async () => {
    await run(over('slow', 'post', 'hold', { deadlineMs: 600_000 }));
    await expect(first.client.checkpoint('train')).rejects.toMatchObject({ code: 'SP_HOOKS_OVER_BUDGET' });
    expect(harness.steps.filter((step) => step.startsWith('freeze'))).toEqual([]);
  });
});

it('a coordinator that dies while a hook runs is followed by one that gives the epoch up and opens again', async () => {
  await run(over('close', 'pre', 'freeze'), over('hangs', 'post', 'hold'), over('open', 'post', 'release'));
  const hanging = Promise.withResolvers<void>();
  harness.hook = (url) => {
    ran.push(url.slice('http://x/'.length));
    if (!url.endsWith('hangs')) return Promise.resolve();
    hanging.resolve();
    return new Promise(() => undefined);
  };
  const lost = first.client.checkpoint('train').catch((error: unknown) => error);
  await hanging.promise;
  await first.crash();
  expect(await lost).toMatchObject({ code: expect.stringContaining('SP_COORDINATOR_') });
  const second = await harness.start();
  await vi.waitFor(
    async () => expect(await second.client.listEpochs('train')).toMatchObject([{ state: 'aborted' }]),
    { timeout: 10_000 },
  );
  expect(ran).toEqual(['close', 'hangs', 'open']);
  expect(await second.client.showGang('train')).toMatchObject({ state: 'running', incarnation: 1 });
});

it('a hook for a rank that there is not is refused', async () => {
  await expect(
    run({ name: 'a', when: 'pre', phase: 'freeze', exec: { command: ['true'], ranks: [0, 2] } }),
  ).rejects.toMatchObject({ code: 'SP_INVALID_REQUEST', message: expect.stringContaining('for rank 2') });
  expect(await first.client.listGangs()).toEqual([]);
});

it('a hook over NATS is refused where there is none', async () => {
  await expect(
    run({ name: 'a', when: 'pre', phase: 'freeze', nats: { subject: 'writer' } }),
  ).rejects.toMatchObject({ code: 'SP_INVALID_REQUEST', message: expect.stringContaining('NATS') });
  expect(await first.client.listGangs()).toEqual([]);
});

describe('over HTTP', () => {
  let server: Server;
  const bodies: unknown[] = [];
  const message = { hook: 'a', gang: 'train', epoch: 3, phase: 'freeze' } as unknown as HookMessage;
  const call = (path: string, signal = AbortSignal.timeout(5_000)): Promise<void> =>
    callOverHttp(`http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`, message, signal);

  beforeEach(async () => {
    server = createServer((request, response) => {
      let text = '';
      request.on('data', (chunk: Buffer) => (text += chunk.toString()));
      request.on('end', () => {
        bodies.push(JSON.parse(text));
        if (request.url === '/redirect') response.setHeader('location', '/ok');
        response.statusCode = { '/ok': 204, '/bad': 503, '/redirect': 302 }[request.url ?? ''] ?? 200;
        if (request.url !== '/hangs') response.end('x'.repeat(100_000));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  afterEach(() => {
    server.closeAllConnections();
    server.close();
  });

  it('says what it is about, and takes every answer of 2xx', async () => {
    await call('/ok');
    await call('/long');
    expect(bodies[0]).toEqual(message);
  });

  it('fails by another answer, a redirect, silence, or nobody there', async () => {
    await expect(call('/bad')).rejects.toThrow('it answered 503');
    await expect(call('/redirect')).rejects.toThrow('fetch failed');
    await expect(call('/hangs', AbortSignal.timeout(100))).rejects.toThrow('timeout');
    await new Promise((resolve) => {
      server.closeAllConnections();
      server.close(resolve);
    });
    await expect(callOverHttp('http://127.0.0.1:9/', message, AbortSignal.timeout(5_000))).rejects.toThrow(
      'fetch failed',
    );
  });
});
