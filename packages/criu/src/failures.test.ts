// Failures provoked on the real CRIU: each ends in its own code, and names the thing.
import { mkdir, mkdtemp, rename, rm, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { dumpArguments, restoreArguments, type DumpOptions } from './arguments.ts';
import { eventually, missingForCriu, readJson, Sandbox, temporaryFolder } from './testing.ts';

const program = join(import.meta.dirname, '../testdata/oddities.py');
const missing = missingForCriu();
const address = '10.66.0.1/32';

describe.skipIf(missing !== undefined)(`CRIU says why (${missing ?? 'real CRIU'})`, () => {
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let sandbox: Sandbox;

  beforeAll(async () => {
    folder = await temporaryFolder();
    sandbox = await Sandbox.start([address]);
  });
  afterAll(async () => {
    await sandbox?.[Symbol.asyncDispose]();
    await folder?.[Symbol.asyncDispose]();
  });

  /** Starts an oddity and returns its PID. */
  async function start(what: string, where: Sandbox = sandbox, pid = 1001): Promise<number> {
    await rm(join(folder.path, `${what}.json`), { force: true });
    const command = ['/usr/bin/python3', program, what, folder.path];
    where.start({ command, pid, log: join(folder.path, `${what}.log`) });
    return eventually(`${what} is ready`, () => readJson<number>(join(folder.path, `${what}.json`)));
  }

  /** Dumps a tree into new images and returns their folder. */
  async function dump(
    pid: number,
    options: Partial<DumpOptions> = {},
    where: Sandbox = sandbox,
  ): Promise<string> {
    const images = await mkdtemp(join(folder.path, 'images-'));
    const logFile = join(images, 'dump.log');
    await where.criu('dump', logFile, dumpArguments({ pid, imagesDirectory: images, logFile, ...options }));
    return images;
  }

  async function restore(images: string, where: Sandbox): Promise<void> {
    const logFile = join(images, 'restore.log');
    await where.criu('restore', logFile, restoreArguments({ imagesDirectory: images, logFile }));
  }

  describe('of a dump', () => {
    test.each([
      ['io_uring', 'SP_CRIU_IO_URING', /io_uring/],
      ['device', 'SP_CRIU_DEVICE', /descriptor \d+, chr 10:237/],
      ['half_open', 'SP_CRIU_HALF_OPEN', /not yet accepted/],
      ['system_v', 'SP_CRIU_SHARED_MEMORY', /attached, at [0-9a-f]+/],
      ['renamed', 'SP_CRIU_UNLINKED_FILE', /first-name/],
      ['corked', 'SP_CRIU_UDP_CORKED', /corked/],
      ['mptcp', 'SP_CRIU_PROTOCOL', /protocol 262/],
    ])('for %s', async (what, code, message) => {
      const pid = await start(what);
      await expect(dump(pid)).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
    });

    test('for an unlinked file over the limit', async () => {
      const pid = await start('unlinked');
      await expect(dump(pid, { ghostBytesMax: 4096 })).rejects.toMatchObject({
        code: 'SP_CRIU_UNLINKED_FILE_SIZE',
        message: expect.stringContaining(join(folder.path, 'unlinked')),
      });
      await expect(dump(pid)).resolves.toBeDefined();
    });

    test('for a unix socket to another tree', async () => {
      await start('unix_server');
      const pid = await start('unix_client');
      await expect(dump(pid)).rejects.toMatchObject({ code: 'SP_CRIU_UNIX_SOCKET' });
    });

    test('for a full disk', async () => {
      const pid = await start('nothing');
      const small = join(folder.path, 'small');
      await mkdir(small);
      await sandbox.run('mount', '-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', small);
      await expect(dump(pid, { imagesDirectory: small })).rejects.toMatchObject({
        code: 'SP_CRIU_DISK_FULL',
        retryable: true,
      });
    });

    test('for a process that is none', async () => {
      await expect(dump(4_000_000)).rejects.toMatchObject({ code: 'SP_CRIU_PROCESS_GONE', retryable: true });
    });

    test('for a cgroup that is none', async () => {
      const pid = await start('nothing');
      await expect(dump(pid, { freezeCgroup: '/sys/fs/cgroup/nowhere' })).rejects.toMatchObject({
        code: 'SP_CRIU_FREEZER',
      });
    });
  });

  describe('of a restore', () => {
    /** Dumps an oddity that is restorable, in a sandbox that then ends. */
    async function dumped(what: string, options: Partial<DumpOptions> = {}): Promise<string> {
      await using before = await Sandbox.start([address]);
      return await dump(await start(what, before), options, before);
    }

    test('for a file of another size', async () => {
      const images = await dumped('sized_file');
      await truncate(join(folder.path, 'sized'), 5);
      await using target = await Sandbox.start();
      await expect(restore(images, target)).rejects.toMatchObject({
        code: 'SP_CRIU_FILE_SIZE',
        message: expect.stringContaining(
          `${join(folder.path, 'sized')} has 5 bytes where the checkpoint has 10`,
        ),
      });
    });

    test('for a file that is gone', async () => {
      const images = await dumped('sized_file');
      await rename(join(folder.path, 'sized'), join(folder.path, 'moved'));
      await using target = await Sandbox.start();
      await expect(restore(images, target)).rejects.toMatchObject({
        code: 'SP_CRIU_FILE_MISSING',
        message: expect.stringContaining(join(folder.path, 'sized')),
      });
    });

    test('for a PID that is taken', async () => {
      const images = await dumped('nothing');
      await using target = await Sandbox.start();
      const taken = await start('nothing', target);
      await expect(restore(images, target)).rejects.toMatchObject({
        code: 'SP_CRIU_PID_TAKEN',
        message: expect.stringContaining(`PID ${taken}`),
      });
    });

    test('for an address that is not here', async () => {
      const images = await dumped('listener');
      await using target = await Sandbox.start();
      await expect(restore(images, target)).rejects.toMatchObject({ code: 'SP_CRIU_ADDRESS' });
    });

    test('for a port that is taken', async () => {
      const images = await dumped('listener');
      await using target = await Sandbox.start([address]);
      await start('listener', target, 2001);
      await expect(restore(images, target)).rejects.toMatchObject({ code: 'SP_CRIU_ADDRESS_TAKEN' });
    });

    test('for images dumped with their connections closed', async () => {
      const images = await dumped('listener', { tcp: 'close' });
      await using target = await Sandbox.start([address]);
      await expect(restore(images, target)).rejects.toMatchObject({ code: 'SP_CRIU_TCP_CLOSED_IMAGE' });
    });

    test.each(['pstree.img', 'files.img', 'core-1001.img'])('for a %s cut short', async (name) => {
      const images = await dumped('nothing');
      const path = join(images, name);
      await truncate(path, Math.floor((await stat(path)).size / 2));
      await using target = await Sandbox.start();
      await expect(restore(images, target)).rejects.toMatchObject({ code: 'SP_CRIU_IMAGES_DAMAGED' });
    });
  });
});
