// What preflight tells of a member that runs, beside what forbids a checkpoint.
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { preflightMember } from './preflight.ts';
import type { SandboxRecord } from './sandbox-record.ts';
import { eventually, makeNodes } from './testing/node-fixture.ts';

it('says how large the image may become, and what room the vault has', { timeout: 60_000 }, async () => {
  await using nodes = await makeNodes(1);
  const heldBytes = 24 * 1024 ** 2;
  const record = await nodes.launch(1, [
    'python3',
    '-c',
    `b = b'x' * ${heldBytes}; import time; time.sleep(600)`,
  ]);
  const { paths, freezer } = nodes;
  const context = { paths, freezer, record };
  const vault = { freeBytes: () => Promise.resolve(4711) };
  const { blockers, room } = await eventually(async () => {
    const found = await preflightMember(context, vault, 'refuse');
    return found.room.imageBytes > heldBytes ? found : undefined;
  }, 'the memory of the member');
  expect(blockers).toEqual([]);
  expect(room.vaultFreeBytes).toBe(4711);
  expect(room.imageBytes).toBeLessThan(2 * heldBytes);
});

const python = (program: string): string[] => ['/usr/bin/python3', '-c', program];
const pair = python('import socket, time; pair = socket.socketpair(); time.sleep(600)');
const server = (path: string): string[] =>
  python(
    `import socket, time; s = socket.socket(socket.AF_UNIX)
s.bind('${path}'); s.listen(); connection = s.accept()
time.sleep(600)`,
  );
const client = (path: string): string[] =>
  python(
    `import socket, time; s = socket.socket(socket.AF_UNIX)
while s.connect_ex('${path}') != 0: time.sleep(0.01)
time.sleep(600)`,
  );

it('names a unix socket that leads out of the member, and no other', { timeout: 60_000 }, async () => {
  await using nodes = await makeNodes(1);
  const { paths, freezer } = nodes;
  const vault = { freeBytes: () => Promise.resolve(4711) };
  const blockersOf = async (record: SandboxRecord): Promise<string[]> =>
    (await preflightMember({ paths, freezer, record }, vault, 'refuse')).blockers.map(
      ({ code, message }) => `${code}: ${message}`,
    );
  const path = join(paths.home, 'between');
  const alone = await nodes.launch(1, pair);
  await nodes.launch(1, server(path));
  const other = await nodes.launch(1, client(path));
  const found = await eventually(async () => {
    const blockers = await blockersOf(other);
    return blockers.some((text) => text.includes('UNIX')) ? blockers : undefined;
  }, 'a blocker');
  expect(found).toEqual([
    `SP_BLOCKED_UNIX: member ${other.member} has a unix socket (${path}) connected to outside of the member`,
  ]);
  await eventually(
    async () => ((await blockersOf(alone)).length === 0 ? true : undefined),
    'a member without blockers',
  );
});

it('names a named pipe that others could open, and none of its own', { timeout: 60_000 }, async () => {
  await using nodes = await makeNodes(1);
  const { paths, freezer } = nodes;
  const path = join(paths.home, 'pipe');
  const record = await nodes.launch(
    1,
    python(`import os, time
for path in ('${path}', '/tmp/pipe'):
    os.mkfifo(path)
    os.open(path, os.O_RDWR)
pair = os.pipe(); time.sleep(600)`),
  );
  const vault = { freeBytes: () => Promise.resolve(4711) };
  const found = await eventually(async () => {
    const { blockers } = await preflightMember({ paths, freezer, record }, vault, 'refuse');
    return blockers.some(({ code }) => code === 'SP_BLOCKED_FIFO') ? blockers : undefined;
  }, 'a blocker');
  expect(found).toMatchObject([{ code: 'SP_BLOCKED_FIFO', message: expect.stringContaining(path) }]);
});
