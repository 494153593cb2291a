// Which open named pipe is named, also where a descriptor has changed since it was read.
import { mkdtemp, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openDescriptors } from './descriptors.ts';
import { exec } from './exec.ts';
import { sharedFifos } from './fifos.ts';

it('names a named pipe by the path that was read, and no other file by it', async () => {
  const folder = await mkdtemp('/var/tmp/fifos-');
  try {
    const path = join(folder, 'pipe');
    await exec('mkfifo', [path]);
    await using pipe = await open(path, 'r+');
    const descriptors = await openDescriptors([process.pid]);
    const read = descriptors.filter(({ link }) => link.endsWith(`/fd/${pipe.fd}`));
    expect(read).toMatchObject([{ pid: process.pid, target: path }]);
    expect(await sharedFifos(read, '')).toEqual([path]);
    const closed = read.map((descriptor) => ({ ...descriptor, target: '/usr/bin/python3' }));
    expect(await sharedFifos(closed, '')).toEqual([]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
