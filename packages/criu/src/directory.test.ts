// Image directories that are incomplete, foreign or damaged: typed errors, and the images stay as they were.
import { create, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import * as fc from 'fast-check';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connectionTable, describeImages, rewriteImages } from './directory.ts';
import { CriuImageError } from './errors.ts';
import {
  CoreSchema,
  DescriptorSchema,
  FileSchema,
  InventorySchema,
  ProcessSchema,
  RemapSchema,
  TaskIdsSchema,
  TcpStreamSchema,
} from './generated/images_pb.ts';
import { joinImage, magics } from './image-file.ts';
import { temporaryFolder } from './testing.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeEach(async () => {
  folder = await temporaryFolder();
  for (const [name, bytes] of Object.entries(images)) await writeFile(join(folder.path, name), bytes);
});
afterEach(() => folder[Symbol.asyncDispose]());

const localhost = 0x0100007f;
const images: Readonly<Record<string, Uint8Array>> = {
  'inventory.img': image(
    [magics.inventory],
    toBinary(InventorySchema, create(InventorySchema, { imageVersion: 2 })),
  ),
  'pstree.img': image(
    [magics.common, magics.processTree],
    toBinary(ProcessSchema, create(ProcessSchema, { pid: 7, parentPid: 0, threads: [7, 8] })),
    toBinary(ProcessSchema, create(ProcessSchema, { pid: 9, parentPid: 7, threads: [9] })),
  ),
  'core-7.img': core('trainer'),
  'core-9.img': core('zombie'),
  'ids-7.img': image(
    [magics.common, magics.taskIds],
    toBinary(TaskIdsSchema, create(TaskIdsSchema, { filesId: 1 })),
  ),
  'fdinfo-1.img': image(
    [magics.common, magics.descriptors],
    toBinary(DescriptorSchema, create(DescriptorSchema, { fileId: 1, type: 4, number: 3 })),
    toBinary(DescriptorSchema, create(DescriptorSchema, { fileId: 2, type: 1, number: 4 })),
  ),
  'files.img': image(
    [magics.common, magics.files],
    file({
      type: 4,
      id: 1,
      inetSocket: {
        ...{
          id: 1,
          inode: 0x2a,
          family: 2,
          type: 1,
          protocol: 6,
          state: 2,
          sourcePort: 1,
          destinationPort: 2,
        },
        ...{ sourceAddress: [localhost], destinationAddress: [localhost] },
      },
    }),
    file({
      type: 1,
      id: 2,
      regular: { id: 2, flags: 0o2001, name: new TextEncoder().encode('/log'), mode: 0o100644 },
    }),
    file({
      type: 5,
      id: 3,
      unixSocket: { id: 3, inode: 50, state: 1, peer: 51, name: new TextEncoder().encode('\0bus') },
    }),
    file({ type: 10, id: 4 }),
  ),
  'remap-fpath.img': image(
    [magics.common, magics.remaps],
    toBinary(RemapSchema, create(RemapSchema, { fileId: 2 })),
  ),
  'tcp-stream-2a.img': image(
    [magics.common, magics.tcpStream],
    toBinary(
      TcpStreamSchema,
      create(TcpStreamSchema, {
        ...{ receiveQueueLength: 0, receiveQueueSequence: 0, sendQueueLength: 0 },
        ...{ sendQueueSequence: 1000, unsentLength: 0 },
      }),
    ),
  ),
  'pages-1.img': new Uint8Array(8192),
};

test('everything is described, a zombie and what blocks a restore too', async () => {
  expect(await describeImages(folder.path)).toEqual({
    processes: [
      { pid: 7, parentPid: 0, command: 'trainer', threads: [7, 8] },
      { pid: 9, parentPid: 7, command: 'zombie', threads: [9] },
    ],
    regularFiles: [
      {
        ...{ path: '/log', access: 'write', append: true, position: 0n, size: undefined, unnamed: true },
        descriptors: [{ pid: 7, descriptor: 4 }],
      },
    ],
    unixSockets: [{ inode: 50, name: '@bus', listening: false, peer: 51, peerInImage: false }],
    pageBytes: 8192,
    imageBytes: Object.values(images).reduce((sum, bytes) => sum + bytes.length, 0),
    blockers: [
      { kind: 'half-open-connection', what: '127.0.0.1 port 1 is still connecting to 127.0.0.1 port 2' },
      { kind: 'packet-socket', what: 'file description 4 is a packet-socket' },
      { kind: 'outside-unix-socket', what: 'unix socket @bus is connected to inode 51, outside the member' },
    ],
  });
});

test('a connection without its stream image is listed apart', async () => {
  expect((await connectionTable(folder.path)).connections).toMatchObject([
    { inode: 0x2a, sndUna: 999, state: 'SYN_SENT' },
  ]);
  await using other = await temporaryFolder();
  for (const name of ['inventory.img', 'files.img']) await writeFile(join(other.path, name), images[name]!);
  const table = await connectionTable(other.path);
  expect(table.connections).toEqual([]);
  expect(table.streamless).toMatchObject([{ inode: 0x2a, fileId: 1 }]);
});

describe('a directory is refused', () => {
  const all = [
    ['connectionTable', connectionTable],
    ['describeImages', describeImages],
    ['rewriteImages', (path: string) => rewriteImages(path, { addresses: new Map(), fileSizes: new Map() })],
  ] as const;

  test.each(all)('that has no images, by %s', async (_, read) => {
    await mkdir(join(folder.path, 'empty'));
    await expect(read(join(folder.path, 'empty'))).rejects.toMatchObject({
      code: 'SP_CRIU_IMAGE_MISSING',
      file: 'inventory.img',
    });
  });

  test.each(all)('of another format, by %s', async (_, read) => {
    const inventory = toBinary(InventorySchema, create(InventorySchema, { imageVersion: 3 }));
    await writeFile(join(folder.path, 'inventory.img'), image([magics.inventory], inventory));
    await expect(read(folder.path)).rejects.toThrow('image format 3, where 2 is understood');
  });
});

test('a rewrite that changes nothing writes nothing', async () => {
  const path = join(folder.path, 'files.img');
  const { ino, mtimeMs } = await stat(path);
  await rewriteImages(folder.path, {
    addresses: new Map([['127.0.0.2', '127.0.0.3']]),
    fileSizes: new Map(),
  });
  expect(await stat(path)).toMatchObject({ ino, mtimeMs });
});

test('a rewrite that fails leaves the images as they were, and nothing beside them', async () => {
  const path = join(folder.path, 'files.img');
  await mkdir(`${path}.rewritten`); // so that the temporary file cannot be written
  const options = { addresses: new Map([['127.0.0.1', '127.0.0.3']]), fileSizes: new Map() };
  await expect(rewriteImages(folder.path, options)).rejects.toThrow(/EISDIR/);
  expect(new Uint8Array(await readFile(path))).toEqual(images['files.img']);
});

test('a flipped bit anywhere gives a result or a typed error, never another', async () => {
  const names = Object.keys(images).filter((name) => !name.startsWith('pages'));
  const place = fc
    .constantFrom(...names)
    .chain((name) => fc.tuple(fc.constant(name), fc.nat(images[name]!.length * 8 - 1)));
  await fc.assert(
    fc.asyncProperty(place, async ([name, bit]) => {
      const damaged = Uint8Array.from(images[name]!);
      damaged[bit >> 3]! ^= 1 << (bit & 7);
      await writeFile(join(folder.path, name), damaged);
      for (const read of [connectionTable, describeImages]) {
        const error: unknown = await read(folder.path).then(
          () => undefined,
          (error: unknown) => error,
        );
        if (error !== undefined) expect(error).toBeInstanceOf(CriuImageError);
      }
      await writeFile(join(folder.path, name), images[name]!);
    }),
    { numRuns: 300 },
  );
  expect(await readdir(folder.path)).toHaveLength(Object.keys(images).length);
});

function image(numbers: readonly number[], ...payloads: readonly Uint8Array[]): Uint8Array {
  return joinImage({ head: new Uint8Array(Uint32Array.from(numbers).buffer), payloads });
}

function core(command: string): Uint8Array {
  const message = create(CoreSchema, { task: { command: new TextEncoder().encode(command) } });
  return image([magics.common, magics.core], toBinary(CoreSchema, message));
}

function file(fields: MessageInitShape<typeof FileSchema>): Uint8Array {
  return toBinary(FileSchema, create(FileSchema, fields));
}
