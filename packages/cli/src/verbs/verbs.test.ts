// Every verb against a fake coordinator: what it asks, prints, and ends with.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { apiError, FakeCoordinator, type RouteName } from '../testing/fake-coordinator.ts';
import { stillpoint } from '../testing/run.ts';
import { epoch, gang, gangDetail, node, placement, timeline } from '../testing/samples.ts';

let fake: FakeCoordinator;
beforeEach(async () => {
  fake = await FakeCoordinator.start();
});
afterEach(async () => {
  await fake[Symbol.asyncDispose]();
});

const runResult = { name: 'train', incarnation: 1, placement };
const restoreResult = { ...runResult, incarnation: 2, epoch: 7, durationMs: 2_345 };

/** Every verb that asks a coordinator: a line that ends well, the route, the answer. */
const happy: [string, RouteName, unknown][] = [
  ['run train --ranks 3 --nodes 3 -- true', 'run', runResult],
  ['ps', 'listGangs', [gang()]],
  ['show train', 'showGang', gangDetail()],
  ['checkpoint train', 'checkpoint', { ...epoch(), retries: 0 }],
  ['epochs train', 'listEpochs', [epoch()]],
  ['restore train@7', 'restore', restoreResult],
  ['migrate train --from n2', 'migrate', restoreResult],
  ['stop train', 'stop', {}],
  ['wait train', 'wait', { state: 'completed', exitCode: 0 }],
  ['timeline train@7', 'timeline', timeline()],
  ['verify train@7', 'verify', { epoch: 7, files: 12, bytes: 92e6, problems: [] }],
  ['rm train@7', 'removeEpoch', {}],
  ['rm train', 'removeGang', {}],
  ['nodes', 'listNodes', [node()]],
  ['node add n4', 'addNode', node({ name: 'n4' })],
  ['node drain n2', 'drainNode', { node: 'n2', moved: ['train'] }],
  ['node kill n2', 'killNode', {}],
];

describe.each(happy)('stillpoint %s', (line, route, answer) => {
  const withJson = line.includes(' -- ') ? line.replace(' -- ', ' --json -- ') : `${line} --json`;
  const answering = (): FakeCoordinator =>
    fake.on(route, () => answer as never).on('showGang', () => gangDetail({ state: 'stopped' }));

  test('is done, and ends with 0', async () => {
    const { code, err } = await stillpoint(answering(), line);
    expect(err).not.toContain('error');
    expect(code).toBe(0);
    expect(fake.asked[0]?.split(' ')[0]).toBe(route);
  });

  test('prints one JSON document with --json', async () => {
    const { code, out } = await stillpoint(answering(), withJson);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toBeTypeOf('object');
  });

  test('ends with 1 where the coordinator says no, with its code and remedy', async () => {
    fake.on(route, () =>
      Promise.reject(apiError('SP_GANG_UNKNOWN', { message: 'there is no gang "train"' })),
    );
    const { code, out, err } = await stillpoint(fake, line);
    expect(code).toBe(1);
    expect(out).toBe('');
    expect(err).toBe('error: there is no gang "train" (SP_GANG_UNKNOWN)\n→ Do what helps.\n');
  });

  test('prints the error as the JSON document', async () => {
    fake.on(route, () => Promise.reject(apiError('SP_GANG_UNKNOWN')));
    const { code, out } = await stillpoint(fake, withJson);
    expect(code).toBe(1);
    expect(JSON.parse(out)).toEqual({
      error: {
        code: 'SP_GANG_UNKNOWN',
        message: 'the message of SP_GANG_UNKNOWN',
        remedy: 'Do what helps.',
        retryable: false,
      },
    });
  });

  test('needs root', async () => {
    const { code, err } = await stillpoint(undefined, line, { isRoot: false });
    expect(code).toBe(1);
    expect(err).toMatch(/needs root \(SP_NOT_ROOT\)\n→ Run the same command with sudo\.\n$/);
  });
});

describe('checkpoint', () => {
  test('prints the number alone on stdout, progress and cost on stderr', async () => {
    fake.on('checkpoint', ({ report }) => {
      report({ phase: 'freeze', epoch: 7, message: '3 members' });
      return { ...epoch(), retries: 1 };
    });
    const { out, err } = await stillpoint(fake, 'checkpoint train --stop --wait committed --outside close');
    expect(out).toBe('7\n');
    expect(err).toBe(
      '[0 ms] checkpoint train: epoch 7: freeze: 3 members (0 ms)\n' +
        '✔ epoch 7 of train is published: stall 196 ms, 390 MB → 92.0 MB (4.2:1), at attempt 2\n',
    );
    expect(fake.bodies.at(-1)).toEqual({ outcome: 'stop', until: 'committed', outside: 'close' });
  });

  test('lists what stands in the way, one a line', async () => {
    const blockers = [
      { code: 'SP_IO_URING', member: 1, node: 'n2', message: 'it uses io_uring', remedy: 'Switch it off.' },
      { code: 'SP_OUTSIDE', member: 2, message: 'it is connected to 10.0.0.1:80', remedy: 'Do what helps.' },
    ];
    fake.on('checkpoint', () => Promise.reject(apiError('SP_BLOCKED', { blockers, retryable: true })));
    const { err } = await stillpoint(fake, 'checkpoint train');
    expect(err.split('\n')).toEqual([
      'error: the message of SP_BLOCKED (SP_BLOCKED)',
      '  • member 1 on n2: it uses io_uring (SP_IO_URING)',
      '    → Switch it off.',
      '  • member 2: it is connected to 10.0.0.1:80 (SP_OUTSIDE)',
      '→ Do what helps.',
      '  It may succeed if it is tried again.',
      '',
    ]);
    const { out } = await stillpoint(fake, 'checkpoint train --json');
    expect(JSON.parse(out)).toMatchObject({ error: { code: 'SP_BLOCKED', blockers } });
  });
});

describe('run', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'sp-cli-run-'));
    await writeFile(join(folder, 'train.sh'), '#!/bin/sh\n', { mode: 0o755 });
    await writeFile(join(folder, 'notes.txt'), 'no program\n', { mode: 0o644 });
    fake.on('run', () => runResult);
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  test('hands over everything that was asked for', async () => {
    const line =
      'run train --ranks 3 --nodes 2 --every 1m30s --keep 4 --env A=1 --env B=x=y --env A=2 --outside close --files save';
    await stillpoint(fake, `${line} --cwd ${folder} -- ./train.sh --lr 1 -- --json`, {
      env: { PATH: '/usr/bin:/bin', HOME: '/root', LANG: 'C.UTF-8' },
    });
    expect(fake.bodies).toEqual([
      {
        name: 'train',
        ranks: 3,
        nodes: 2,
        everyMs: 90_000,
        keep: 4,
        environment: { PATH: '/usr/bin:/bin', HOME: '/root', LANG: 'C.UTF-8', A: '2', B: 'x=y' },
        cwd: folder,
        outside: 'close',
        files: 'save',
        command: ['./train.sh', '--lr', '1', '--', '--json'],
      },
    ]);
  });

  test('says where the members run', async () => {
    const { out, err } = await stillpoint(fake, 'run train --ranks 3 --nodes 3 -- true');
    expect(err).toBe('✔ train is running: 3 members on n4, n5 and n6\n');
    expect(out.split('\n').slice(0, 2)).toEqual([
      'MEMBER  NODE  ADDRESS      IPV6',
      '     0  n4    10.233.4.10  fd5a:7170::4:a',
    ]);
  });

  test.each([
    ['--ranks 2 -- nosuchprogram', 'SP_COMMAND_NOT_FOUND', /in no folder of PATH/],
    ['--ranks 2 -- ./missing', 'SP_COMMAND_NOT_FOUND', /no such file/],
    ['--ranks 2 -- ./notes.txt', 'SP_COMMAND_NOT_FOUND', /not executable/],
    ['--ranks 2 -- /tmp', 'SP_COMMAND_NOT_FOUND', /no file/],
    ['--ranks 2 --env PATH=/nowhere -- true', 'SP_COMMAND_NOT_FOUND', /in no folder of PATH/],
    ['--ranks 2 --cwd /nowhere -- true', 'SP_CWD_NOT_A_FOLDER', /\/nowhere is not a folder/],
  ])('refuses "%s" before anything is started', async (rest, errorCode, message) => {
    const { code, err } = await stillpoint(fake, `run train ${rest}`, { cwd: folder });
    expect(code).toBe(1);
    expect(err).toMatch(message);
    expect(err).toContain(errorCode);
    expect(err).toContain('nothing was started');
    expect(fake.asked).toEqual([]);
  });

  test('finds a program that is only in the PATH that --env gives', async () => {
    const { code } = await stillpoint(fake, `run train --ranks 1 --env PATH=${folder} -- train.sh`);
    expect(code).toBe(0);
  });
});

describe('restore', () => {
  test('hands over epoch, nodes and policy', async () => {
    fake.on('restore', () => restoreResult);
    const { err } = await stillpoint(fake, 'restore train@7 --onto n4,n5 --files keep');
    expect(fake.bodies).toEqual([{ epoch: 7, onto: ['n4', 'n5'], files: 'keep' }]);
    expect(err).toBe('✔ train is restored from epoch 7 in 2.3 s: 3 members on n4, n5 and n6\n');
  });

  test('leaves out what was not asked for', async () => {
    fake.on('restore', () => restoreResult);
    await stillpoint(fake, 'restore train');
    expect(fake.bodies).toEqual([{}]);
  });
});

describe('the other verbs', () => {
  test('wait ends with the exit code of the gang', async () => {
    fake.on('wait', () => ({ state: 'failed', exitCode: 7, reason: 'member 1 exited with 7' }));
    const { code, out, err } = await stillpoint(fake, 'wait train');
    expect([code, out]).toEqual([7, '']);
    expect(err).toBe('train is failed (7): member 1 exited with 7\n');
  });

  test('verify ends with 1 and names every damaged file', async () => {
    const problems = [{ file: 'member 1/pages-1.img', problem: 'its content is not what was written' }];
    fake.on('verify', () => ({ epoch: 7, files: 12, bytes: 92e6, problems }));
    const { code, out, err } = await stillpoint(fake, 'verify train@7');
    expect(code).toBe(1);
    expect(out).toBe('member 1/pages-1.img: its content is not what was written\n');
    expect(err).toBe(
      "error: 1 problem in 12 files, 92.0 MB: epoch 7 of train can't be restored\n" +
        '→ Restore another one: `stillpoint epochs train` lists them.\n',
    );
    const json = await stillpoint(fake, 'verify train@7 --json');
    expect(json.code).toBe(1);
    expect(JSON.parse(json.out)).toMatchObject({ problems });
  });

  test('node add hands over the offset of the clock', async () => {
    fake.on('addNode', () => node({ name: 'n4' }));
    await stillpoint(fake, 'node add n4 --clock-offset -86400');
    expect(fake.bodies).toEqual([{ name: 'n4', monotonicOffsetSeconds: -86_400 }]);
  });

  test("a state folder that can't be used is said as it is", async () => {
    const connect = () => Promise.reject(apiError('SP_HOME_NEWER_VERSION', { message: 'it is newer' }));
    const { code, err } = await stillpoint(undefined, 'ps', { connect });
    expect(code).toBe(1);
    expect(err).toBe('error: it is newer (SP_HOME_NEWER_VERSION)\n→ Do what helps.\n');
  });

  test.each([
    ['ps', 'listGangs', 'No gangs yet. `stillpoint run NAME --ranks N -- CMD` starts one.\n'],
    ['epochs train', 'listEpochs', '"train" has no epoch yet. `stillpoint checkpoint train` takes one.\n'],
    ['nodes', 'listNodes', /^No nodes yet\./],
  ] as const)('%s says what to do where there is nothing', async (line, route, said) => {
    fake.on(route, () => []);
    const { code, out } = await stillpoint(fake, line);
    expect(code).toBe(0);
    if (typeof said === 'string') expect(out).toBe(said);
    else expect(out).toMatch(said);
  });
});
