// The real CRIU on images with a connection to somebody outside closed, and with the size of a grown file set.
import { appendFile, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { dumpArguments, restoreArguments } from './arguments.ts';
import { describeImages, rewriteImages } from './directory.ts';
import { eventually, missingForCriu, readJson, Sandbox, temporaryFolder } from './testing.ts';

const program = join(import.meta.dirname, '../testdata/outsider.py');
const missing = missingForCriu();

test.skipIf(missing !== undefined)(
  `what is outside is cut off, and a grown file is taken (${missing ?? 'real CRIU'})`,
  async () => {
    await using folder = await temporaryFolder();
    const [images, log] = [join(folder.path, 'images'), join(folder.path, 'log')];
    await mkdir(images);
    {
      await using sandbox = await Sandbox.start(['10.55.0.1/32', '10.55.0.9/32']);
      const command = ['/usr/bin/python3', program, folder.path, '10.55.0.1', '10.55.0.9'];
      sandbox.start({ command, log: join(folder.path, 'program.log') });
      const pid = await eventually('ready', () => readJson<number>(join(folder.path, 'ready.json')));
      const logFile = join(folder.path, 'dump.log');
      await sandbox.criu('dump', logFile, dumpArguments({ pid, imagesDirectory: images, logFile }));
    }

    const { regularFiles } = await describeImages(images);
    expect(regularFiles.filter(({ path }) => path === log)).toMatchObject([
      { access: 'read-write', size: 8n, position: 8n, unnamed: true, append: false },
      { access: 'read-write', size: 5n, position: 5n, unnamed: false, append: false },
    ]);

    await appendFile(log, ' and grown');
    const report = await rewriteImages(images, {
      addresses: new Map([['10.55.0.1', '10.44.0.1']]),
      fileSizes: new Map([[log, 15n]]),
      outside: 'close',
    });
    expect(report).toMatchObject({ socketsChanged: 4, sizesChanged: 1, connectionsClosed: 2 });
    expect(
      report.outside.map(({ local, remote, outside, closed }) => [
        local.address,
        remote.address,
        outside,
        closed,
      ]),
    ).toEqual([
      ['10.55.0.1', '10.55.0.9', 'remote', true],
      ['10.55.0.9', '10.55.0.1', 'local', true],
    ]);

    await using sandbox = await Sandbox.start(['10.44.0.1/32']);
    const logFile = join(folder.path, 'restore.log');
    await sandbox.criu('restore', logFile, restoreArguments({ imagesDirectory: images, logFile }));
    await writeFile(join(folder.path, 'go'), '');
    expect(await eventually('result', () => readJson(join(folder.path, 'result.json')))).toEqual({
      inner: [5, 'hello'],
      outer: ['EPIPE', ''],
      unlinked: 'unlinked',
      named: 'named and grown',
    });
  },
);
