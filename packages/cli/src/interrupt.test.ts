// Ctrl-C at each kind of verb: what was asked for is given up, what became of it is said, the code is 130.
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { apiError, type Call, FakeCoordinator } from './testing/fake-coordinator.ts';
import { start, stillpoint, until } from './testing/run.ts';
import { epoch, gang } from './testing/samples.ts';

let fake: FakeCoordinator;
beforeEach(async () => {
  fake = await FakeCoordinator.start();
});
afterEach(async () => {
  await fake[Symbol.asyncDispose]();
});

/** Goes on until the caller hangs up. */
async function untilHungUp({ signal }: Call): Promise<never> {
  while (!signal.aborted) await delay(5);
  throw apiError('SP_CALLER_GONE');
}

describe('a checkpoint', () => {
  const endless = async (call: Call): Promise<never> => {
    call.report({ phase: 'dump', epoch: 9, message: '' });
    return untilHungUp(call);
  };

  test.each([
    ['aborted', 'epoch 9 was given up; "train" runs on'],
    ['committed', 'epoch 9 was decided before that, and is being stored without you'],
    ['published', 'epoch 9 was published before that; it can be restored'],
    ['lost', 'epoch 9 is lost'],
  ] as const)('that is %s in the end', async (state, said) => {
    let asked = 0;
    fake.on('checkpoint', endless);
    fake.on('listEpochs', () => [epoch({ epoch: 9, state: (asked += 1) > 2 ? state : 'open' })]);
    const running = start(fake, 'checkpoint train');
    await until(() => running.err().includes('dump'), 'progress');
    running.interrupt();
    const { code, out, err } = await running.done;
    expect([code, out]).toEqual([130, '']);
    expect(err).toContain(`error: interrupted: ${said} (SP_INTERRUPTED_BY_SIGNAL)\n`);
    expect(asked).toBe(3);
  });

  test('before anything was heard of it', async () => {
    fake.on('checkpoint', untilHungUp);
    const running = start(fake, 'checkpoint train --json');
    await until(() => fake.asked.includes('checkpoint train'), 'the request');
    running.interrupt();
    const { code, out } = await running.done;
    expect(code).toBe(130);
    expect(JSON.parse(out)).toMatchObject({
      error: {
        code: 'SP_INTERRUPTED_BY_SIGNAL',
        message: 'interrupted: no epoch of "train" was begun that was heard of',
      },
    });
  });

  test('while the coordinator dies: nothing is claimed', async () => {
    fake.on('checkpoint', endless);
    fake.on('listEpochs', () => Promise.reject(apiError('SP_GONE', { message: 'it is gone' })));
    const running = start(fake, 'checkpoint train');
    await until(() => running.err().includes('dump'), 'progress');
    running.interrupt();
    const { err } = await running.done;
    expect(err).toContain('epoch 9 of "train" is being given up; see `stillpoint epochs train` (it is gone)');
  });

  test('a second Ctrl-C leaves at once', async () => {
    fake.on('checkpoint', endless);
    fake.on('listEpochs', () => [epoch({ epoch: 9, state: 'open' })]);
    const running = start(fake, 'checkpoint train');
    await until(() => running.err().includes('dump'), 'progress');
    running.interrupt();
    await until(() => fake.asked.includes('listEpochs train'), 'the question what became of it');
    expect(running.left).toEqual([]);
    running.interrupt();
    expect(running.left).toEqual([130]);
    fake.on('listEpochs', () => [epoch({ epoch: 9, state: 'aborted' })]);
    await running.done;
  });

  test('SIGTERM ends with 143', async () => {
    fake.on('checkpoint', untilHungUp);
    const running = start(fake, 'checkpoint train');
    await until(() => fake.asked.includes('checkpoint train'), 'the request');
    running.interrupt('SIGTERM');
    expect((await running.done).code).toBe(143);
  });
});

describe('a verb that brings a gang up or down', () => {
  test.each([
    ['restore train@7', 'restore', 'stopped', '"train" is stopped'],
    ['restore train@7', 'restore', 'running', '"train" is running (incarnation 1)'],
    ['migrate train --from n1', 'migrate', 'running', '"train" is running'],
    ['run train --ranks 2 -- true', 'run', undefined, 'the start was given up; there is no gang "train"'],
    ['stop train', 'stop', 'failed', '"train" is failed'],
  ] as const)('%s', async (line, route, state, said) => {
    let asked = 0;
    fake.on(route, untilHungUp);
    fake.on('listGangs', () => {
      asked += 1;
      if (asked < 3) return [gang({ state: 'restoring' })];
      return state === undefined ? [] : [gang({ state })];
    });
    const running = start(fake, line);
    await until(() => fake.asked.length > 0, 'the request');
    running.interrupt();
    const { code, err } = await running.done;
    expect(code).toBe(130);
    expect(err).toContain(`interrupted: ${said}`);
  });
});

describe('a verb that changes nothing', () => {
  test.each(['wait train', 'verify train@7'])('%s just ends', async (line) => {
    fake.on('wait', untilHungUp).on('verify', untilHungUp);
    const running = start(fake, line);
    await until(() => fake.asked.length > 0, 'the request');
    running.interrupt();
    const { code, err } = await running.done;
    expect([code, err]).toEqual([130, '']);
  });
});

test('wait finds the next coordinator when one dies', async () => {
  fake.on('wait', () => Promise.reject(apiError('SP_COORDINATOR_UNREACHABLE')));
  await using next = await FakeCoordinator.start();
  next.on('wait', () => ({ state: 'completed', exitCode: 0 }));
  const { CoordinatorClient } = await import('@stillpoint/coordinator');
  const sockets = [fake.socketPath, fake.socketPath, next.socketPath];
  const { code, err } = await stillpoint(fake, 'wait train', {
    connect: () => Promise.resolve(new CoordinatorClient(sockets.shift() ?? '')),
  });
  expect(code).toBe(0);
  expect(err).toBe('train is completed (0)\n');
});

test('a checkpoint under which the coordinator dies is looked up at the next one', async () => {
  await using next = await FakeCoordinator.start();
  next.on('listEpochs', () => [epoch({ epoch: 9, state: 'aborted' })]);
  fake.on('checkpoint', ({ report }) => {
    report({ phase: 'dump', epoch: 9 });
    throw apiError('SP_COORDINATOR_UNREACHABLE');
  });
  const { CoordinatorClient } = await import('@stillpoint/coordinator');
  const sockets = [fake.socketPath, next.socketPath];
  const { code, err } = await stillpoint(fake, 'checkpoint train', {
    connect: () => Promise.resolve(new CoordinatorClient(sockets.shift() ?? '')),
  });
  expect(code).toBe(1);
  expect(err).toContain(
    'error: the coordinator died while it was at it: epoch 9 was given up; "train" runs on (SP_COORDINATOR_LOST)',
  );
});

test('wait gives up when coordinators keep dying', async () => {
  fake.on('wait', () => Promise.reject(apiError('SP_COORDINATOR_UNREACHABLE')));
  const { code, err } = await stillpoint(fake, 'wait train');
  expect(code).toBe(1);
  expect(err).toContain('SP_COORDINATOR_UNREACHABLE');
  expect(fake.asked).toHaveLength(6);
});
