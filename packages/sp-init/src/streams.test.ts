// The copy from the pipes to the logs: complete, in order, at full rate, and never in the member's way.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { open, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { buildSpInit, freezerCgroup, start, testFolder, until } from './testing.ts';

beforeAll(buildSpInit);

const run = promisify(execFile);
const sh = (script: string): string[] => ['sh', '-c', script];
const mebibyte = 1024 * 1024;

async function sha256(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const part of createReadStream(path)) hash.update(part as Buffer);
  return hash.digest('hex');
}

/** What `seq` prints, up to a number of bytes. */
async function sequence(bytes: number): Promise<string> {
  const { stdout } = await run('sh', ['-c', `seq 1 100000000 | head -c ${bytes} | sha256sum`]);
  return stdout.slice(0, 64);
}

test('both streams at full rate, byte for byte', async () => {
  const folder = await testFolder();
  const bytes = 64 * mebibyte;
  const write = `seq 1 100000000 | head -c ${bytes}`;
  const init = await start({ folder, command: sh(`${write} & ${write} >&2; wait`) });
  expect((await init.ended).code).toBe(0);
  expect(await init.exitFile()).toEqual({ code: 0, signal: 0, stdoutBytes: bytes, stderrBytes: bytes });
  const wanted = await sequence(bytes);
  expect(await sha256(join(folder, 'stdout.log'))).toBe(wanted);
  expect(await sha256(join(folder, 'stderr.log'))).toBe(wanted);
});

test('answers while a member writes without end', async () => {
  const init = await start({ command: ['yes'], stdout: '/dev/null' });
  const client = await init.client();
  const first = await client.status();
  await until(
    'bytes are counted',
    async () => (await client.status()).stdoutBytes > first.stdoutBytes + mebibyte,
  );
  expect(await client.drain()).toMatchObject({ state: 'running' });
  expect(await client.kill()).toMatchObject({ state: 'exited', code: 137, signal: 9 });
});

test('drains a frozen member completely', async () => {
  const cgroup = await freezerCgroup();
  const folder = await testFolder();
  const init = await start({ folder, command: ['yes'], options: ['--cgroup', cgroup.path] });
  const client = await init.client();
  await until('bytes arrive', async () => (await client.status()).stdoutBytes > mebibyte);
  await cgroup.freeze();
  await until('it is frozen', () => cgroup.isFrozen());
  const drained = await client.drain();
  expect(drained).toMatchObject({ state: 'running', drained: true, dropped: 0 });
  const { size } = await stat(join(folder, 'stdout.log'));
  expect(drained.stdoutBytes).toBe(size);
  await cgroup.thaw();
  await client.kill();
});

test('says so when the pipes do not get empty', async () => {
  const folder = await testFolder();
  await run('mkfifo', [join(folder, 'fifo')]);
  // Its reader does not read: the log takes nothing, and what the member wrote stays where it is.
  const reader = await open(join(folder, 'fifo'), constants.O_RDONLY | constants.O_NONBLOCK);
  const init = await start({ folder, command: sh('seq 1 100000'), stdout: join(folder, 'fifo') });
  const client = await init.client();
  await until('the log is full', async () => (await client.status()).stdoutBytes >= 65_536);
  // The member may not have written on yet: then the pipes are empty, and that is what is said.
  const waited = await until('the pipes are full too', async () => {
    const from = performance.now();
    const { drained, dropped } = await client.drain();
    return !drained && { waitedMs: performance.now() - from, dropped };
  });
  expect(waited.dropped).toBe(0);
  expect(waited.waitedMs).toBeGreaterThan(1_900);
  let received = '';
  const reading = until('all is read', async () => {
    const { bytesRead, buffer } = await reader.read({ buffer: Buffer.alloc(65_536) });
    received += buffer.toString('latin1', 0, bytesRead);
    return received.endsWith('\n100000\n');
  });
  expect((await init.ended).code).toBe(0);
  await reading;
  await reader.close();
  expect(received).toBe(Array.from({ length: 100_000 }, (_, index) => `${index + 1}\n`).join(''));
  expect(await init.exitFile()).toMatchObject({ stdoutBytes: received.length });
});

describe('a log that takes nothing', () => {
  const bytes = 4 * mebibyte;

  test('full disk: the member goes on, the loss is counted, and logging resumes with the room', async () => {
    const folder = await testFolder();
    const full = join(folder, 'full');
    const script = `head -c ${bytes} /dev/zero; echo done >&2; while [ -s ${full}/log ]; do sleep 0.01; done; echo again; sleep 1000`;
    const init = await start({
      folder,
      before: `mkdir $folder/full && mount -t tmpfs -o size=64k none $folder/full`,
      stdout: join(full, 'log'),
      command: sh(script),
    });
    const client = await init.client();
    await until('the member has written', async () => (await init.log('stderr')) === 'done\n');
    const status = await client.drain();
    expect(status).toMatchObject({ state: 'running', drained: true });
    expect(status.stdoutBytes).toBeLessThanOrEqual(65_536);
    expect(status.stdoutBytes + status.dropped).toBe(bytes);
    const inside = join('/proc', String(await init.hostPid()), 'root', full, 'log');
    await run('truncate', ['-s', '0', inside]);
    await until('it logs again', async () => (await readFile(inside, 'utf8')) === 'again\n');
    expect(await client.status()).toMatchObject({
      dropped: status.dropped,
      stdoutBytes: status.stdoutBytes + 6,
    });
    await client.kill();
  });

  test('/dev/full', async () => {
    const init = await start({ command: sh(`head -c ${bytes} /dev/zero; exit 4`), stdout: '/dev/full' });
    expect((await init.ended).code).toBe(4);
    expect(await init.exitFile()).toMatchObject({ code: 4, stdoutBytes: 0 });
  });

  test('a file size limit', async () => {
    const init = await start({
      command: sh(`head -c ${bytes} /dev/zero | cat; exit 4`),
      before: 'ulimit -f 8',
    });
    expect((await init.ended).code).toBe(4);
    expect(await init.exitFile()).toMatchObject({ stdoutBytes: 8 * 512 });
  });

  test('a pipe whose reader is gone', async () => {
    const folder = await testFolder();
    const fifo = join(folder, 'fifo');
    await run('mkfifo', [fifo]);
    const reader = await open(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
    const init = await start({ folder, stdout: fifo, command: sh(`head -c ${bytes} /dev/zero; exit 4`) });
    const client = await init.client();
    await until('the log is full', async () => (await client.status()).stdoutBytes >= 65_536);
    await reader.close();
    expect((await init.ended).code).toBe(4);
    expect((await init.exitFile()).stdoutBytes).toBeLessThan(bytes);
  });
});

test('the write ends are at fds 10 and 11 of sp-init, for whoever restores a member', async () => {
  const init = await start({ command: ['sleep', '1000'] });
  const client = await init.client();
  const files = `/proc/${await init.hostPid()}/fd`;
  for (const [fd, text] of [
    [10, 'out of nowhere\n'],
    [11, 'error of nowhere\n'],
  ] as const) {
    const handed = await open(join(files, String(fd)), 'w');
    await handed.write(text);
    await handed.close();
  }
  const status = await client.drain();
  expect(await init.log('stdout')).toBe('out of nowhere\n');
  expect(await init.log('stderr')).toBe('error of nowhere\n');
  expect(status).toMatchObject({ drained: true, stdoutBytes: 15, stderrBytes: 17 });
  await client.kill();
});
