// The control socket: commands, order, states; and clients that are too many, too slow or hostile.
import { stat } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { constants } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { SpInitClient, type WatchEvent } from './client.ts';
import { SpInitGone, SpInitRefused, SpInitTimeout, SpInitUnreachable } from './errors.ts';
import { buildSpInit, start, testFolder, until, type Role } from './testing.ts';

beforeAll(buildSpInit);

const sh = (script: string): string[] => ['sh', '-c', script];
const roles: Role[] = ['pid 1', 'plain'];
const trapAll = (names: string): string =>
  `for s in ${names}; do trap "echo got $s" $s; done; echo ready; while :; do sleep 0.01; done`;

/** A raw connection to a running sp-init, with all that it has received so far. */
async function raw(control: string): Promise<{ socket: Socket; received: () => string }> {
  await until('it listens', () => stat(control));
  const socket = connect({ path: control });
  onTestFinished(() => void socket.destroy());
  let text = '';
  socket.setEncoding('utf8').on('data', (part: string) => (text += part));
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.once('connect', resolve));
  return { socket, received: () => text };
}

describe.each(roles)('signals, as %s', (role) => {
  const forwarded = ['TERM', 'INT', 'HUP', 'USR1', 'USR2', 'QUIT', 'WINCH', 'CONT'] as const;

  test('that sp-init receives go to the member', async () => {
    const init = await start({ role, command: sh(trapAll(forwarded.join(' '))) });
    await until('the traps are set', async () => (await init.log()).includes('ready'));
    const pid = await init.hostPid();
    for (const name of forwarded) {
      process.kill(pid, `SIG${name}`);
      await until(`SIG${name} arrives`, async () => (await init.log()).includes(`got ${name}\n`));
    }
    const client = await init.client();
    expect(await client.status()).toMatchObject({ state: 'running' });
    await client.kill();
  });

  test('that the member does not handle end it, and sp-init with its code', async () => {
    const init = await start({ role, command: ['sleep', '1000'] });
    await (await init.client()).status();
    process.kill(await init.hostPid(), 'SIGTERM');
    expect((await init.ended).code).toBe(143);
    expect(await init.exitFile()).toMatchObject({ code: 143, signal: 15 });
  });

  test('by command', async () => {
    const init = await start({ role, command: sh(trapAll('USR1')) });
    await until('the trap is set', async () => (await init.log()).includes('ready'));
    const client = await init.client();
    await client.signal(constants.signals.SIGUSR1);
    await until('SIGUSR1 arrives', async () => (await init.log()).includes('got USR1\n'));
    await client.signal(constants.signals.SIGKILL);
    expect((await init.ended).code).toBe(137);
  });
});

describe.each(roles)('kill, as %s', (role) => {
  test('ends stubborn processes in sessions of their own that go on forking', async () => {
    const stubborn = `trap "" TERM INT HUP QUIT; while :; do setsid sleep 1000 & sleep 0.005; done`;
    const init = await start({
      role,
      command: sh(`setsid sh -c '${stubborn}' & setsid sh -c '${stubborn}'`),
    });
    const client = await init.client();
    const pid = await init.hostPid();
    await until('they fork', async () => (await init.processes()).length > 12);
    expect(await client.kill()).toMatchObject({ state: 'exited', pid: 0, code: 137, signal: 9 });
    expect((await init.ended).code).toBe(137);
    expect(await init.exitFile()).toMatchObject({ code: 137, signal: 9 });
    await expect(stat(`/proc/${pid}`)).rejects.toThrow('ENOENT');
  });

  test('keeps what was written before', async () => {
    const init = await start({ role, command: sh('seq 1 1000; echo end; sleep 1000') });
    const client = await init.client();
    await until('it has written', async () => (await client.status()).stdoutBytes === 3897);
    await client.kill();
    await init.ended;
    expect(await init.log()).toMatch(/^1\n2\n[^]*\n1000\nend\n$/);
  });
});

test('the socket is for its owner only', async () => {
  const init = await start({ command: ['sleep', '1000'] });
  await (await init.client()).status();
  expect((await stat(init.control)).mode & 0o777).toBe(0o600);
});

test('answers in the order of the commands, one line each', async () => {
  const init = await start({ command: ['sleep', '1000'] });
  const { socket, received } = await raw(init.control);
  const lines = [
    'status',
    '',
    'nonsense',
    'signal',
    'signal x',
    'signal 65',
    'signal 0',
    'adopt 5',
    'drain',
    'status',
  ];
  socket.write(lines.map((line) => `${line}\n`).join(''));
  await until('all are answered', async () => received().split('\n').length > lines.length);
  const answers = received()
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const unknown = { error: 'unknown command' };
  expect(answers).toEqual([
    { state: 'running', pid: 1000, code: 0, signal: 0, stdoutBytes: 0, stderrBytes: 0, dropped: 0 },
    ...[unknown, unknown, unknown, unknown, unknown, unknown],
    { error: 'not awaiting a restore' },
    expect.objectContaining({ state: 'running', drained: true }),
    expect.objectContaining({ state: 'running' }),
  ]);
});

test('a command byte by byte, and a client that only half closes', async () => {
  const init = await start({ command: ['sleep', '1000'] });
  const { socket, received } = await raw(init.control);
  for (const byte of 'status\n') await new Promise((resolve) => socket.write(byte, resolve));
  await until('it is answered', async () => received().endsWith('}\n'));
  socket.end('drain\n');
  const drained = await until('the last word', async () => received().split('\n')[1] || false);
  expect(JSON.parse(drained)).toMatchObject({ state: 'running', drained: true });
});

test('a line that is too long is refused', async () => {
  const init = await start({ command: ['sleep', '1000'] });
  const { socket, received } = await raw(init.control);
  socket.write('x'.repeat(100_000));
  await until('it is refused', async () => received() === '{"error":"line too long"}\n');
  expect(await (await init.client()).status()).toMatchObject({ state: 'running' });
});

test('a client that asks and never reads is let go, and disturbs nobody', async () => {
  const init = await start({ command: sh('while :; do echo tick; sleep 0.01; done') });
  const client = await init.client();
  const stuck = connect({ path: init.control });
  stuck.on('error', () => undefined);
  stuck.pause();
  const closed = new Promise((resolve) => stuck.once('close', resolve));
  stuck.write('status\n'.repeat(20_000));
  const before = await client.status();
  await until(
    'the member goes on',
    async () => (await client.status()).stdoutBytes > before.stdoutBytes + 25,
  );
  stuck.resume();
  await closed;
  expect(await client.status()).toMatchObject({ state: 'running', dropped: 0 });
});

test('more clients than it takes are told so; a slot is free again when one leaves', async () => {
  const init = await start({ command: ['sleep', '1000'] });
  const clients: SpInitClient[] = [];
  for (let index = 0; index < 16; index++) {
    clients.push(await init.client());
    await clients[index]?.status();
  }
  const { received } = await raw(init.control);
  await until('it is refused', async () => received() === '{"error":"too many clients"}\n');
  // The client may see the refusal, or only that the connection it writes to is closed.
  await expect((await init.client()).status()).rejects.toThrow(/too many clients|EPIPE|ECONNRESET/);
  clients[7]?.close();
  const late = await until('a slot is free', async () => (await init.client()).status());
  expect(late).toMatchObject({ state: 'running' });
});

describe('watch', () => {
  test('tells every change, and the end once the exit file is there', async () => {
    const init = await start({ command: ['sleep', '1000'] });
    const client = await init.client();
    const events: WatchEvent[] = [];
    let exitFile: unknown;
    await client.watch((event) => {
      events.push(event);
      if (event !== 'gone' && event.state === 'exited') exitFile = init.exitFile();
    });
    await until('it begins', async () => events.length === 1);
    await client.signal(15);
    await init.ended;
    await until('it ends', async () => exitFile !== undefined);
    expect(await exitFile).toMatchObject({ code: 143 });
    expect(events).toMatchObject([
      { state: 'running', pid: 1000 },
      { state: 'exited', pid: 0, code: 143, signal: 15 },
    ]);
  });

  test('tells that sp-init was killed', async () => {
    const init = await start({ command: ['sleep', '1000'] });
    const events: WatchEvent[] = [];
    await (await init.client()).watch((event) => events.push(event));
    await until('it begins', async () => events.length === 1);
    process.kill(await init.hostPid(), 'SIGKILL');
    await until('it is told', async () => events.length === 2);
    expect(events[1]).toBe('gone');
  });

  test('stops', async () => {
    const init = await start({ command: ['sleep', '1000'] });
    const client = await init.client();
    const events: WatchEvent[] = [];
    const stop = await client.watch((event) => events.push(event));
    await until('it begins', async () => events.length === 1);
    stop();
    await client.kill();
    await init.ended;
    expect(events).toHaveLength(1);
  });
});

describe('the client', () => {
  test('names a socket on which nobody listens', async () => {
    const folder = await testFolder();
    await expect(SpInitClient.connect(`${folder}/control`, { deadlineMs: 50 })).rejects.toThrow(
      SpInitUnreachable,
    );
  });

  test('says what was refused, and goes on', async () => {
    const client = await (await start({ command: ['sleep', '1000'] })).client();
    await expect(client.quit()).rejects.toThrow(SpInitRefused);
    await expect(client.quit()).rejects.toThrow('refused `quit`: not parked and not awaiting a restore');
    expect(await client.status()).toMatchObject({ state: 'running' });
  });

  test('fails what waits when sp-init is killed, and what comes after', async () => {
    const init = await start();
    const client = await init.client();
    const adopted = client.adopt(4000);
    const pid = await init.hostPid();
    process.kill(pid, 'SIGKILL');
    await expect(adopted).rejects.toThrow(SpInitGone);
    await expect(client.status()).rejects.toThrow(SpInitGone);
  });

  const wrong = [
    { name: 'something else than JSON', line: 'hello\n', says: 'not an answer: hello' },
    { name: 'another object', line: '{"state":"asleep"}\n', says: 'not an answer: {"state":"asleep"}' },
    { name: 'a line without end', line: 'x'.repeat(5_000), says: 'a line too long for an answer' },
  ];
  test.each(wrong)('trusts no answer: $name', async ({ line, says }) => {
    const client = await SpInitClient.connect(await impostor((socket) => socket.write(line)));
    await expect(client.status()).rejects.toThrow(says);
  });

  test('gives up on one that does not answer, and closes the connection', async () => {
    const client = await SpInitClient.connect(await impostor(() => undefined));
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const answers = Promise.allSettled([client.status(), client.kill()]);
    vi.advanceTimersByTime(5_000);
    const reasons = [expect.any(SpInitTimeout), expect.any(SpInitGone)];
    expect(await answers).toEqual(reasons.map((reason) => ({ status: 'rejected', reason })));
    await expect(client.status()).rejects.toThrow('an earlier command timed out');
  });
});

/** A socket on which something else than sp-init answers each piece of data. */
async function impostor(answer: (socket: Socket) => unknown): Promise<string> {
  const path = join(await testFolder(), 'control');
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('data', () => answer(socket)).on('error', () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(path, resolve));
  onTestFinished(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return path;
}
