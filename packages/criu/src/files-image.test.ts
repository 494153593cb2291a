// The rewrite of files.img: what changes, what stays to the byte, and what damage gives.
import { create, fromBinary, toBinary, type MessageInitShape } from '@bufbuild/protobuf';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CriuImageError } from './errors.ts';
import { readFiles, rewriteFiles, type RewriteOptions } from './files-image.ts';
import { FileSchema, InetSocketSchema, type RegularFileSchema } from './generated/images_pb.ts';
import { joinImage, magics, splitImage } from './image-file.ts';

const typeRegular = 1;
const typeInet = 4;
const tcp = { type: 1, protocol: 6, state: 1, backlog: 0 };
const options: RewriteOptions = {
  addresses: new Map([
    ['10.0.0.1', '10.9.0.1'],
    ['10.0.0.2', '10.9.0.2'],
  ]),
  fileSizes: new Map([['/data/log', 4096n]]),
};

function word(...bytes: readonly [number, number, number, number]): number {
  return new Uint32Array(Uint8Array.from(bytes).buffer)[0]!;
}

function socketEntry(fields: MessageInitShape<typeof InetSocketSchema> = {}): Uint8Array {
  const inetSocket = {
    ...{ id: 5, inode: 77, family: 2, ...tcp, sourcePort: 4000, destinationPort: 5000 },
    sourceAddress: [word(10, 0, 0, 1)],
    destinationAddress: [word(10, 0, 0, 2)],
    ...fields,
  };
  return toBinary(FileSchema, create(FileSchema, { type: typeInet, id: 5, inetSocket }));
}

function fileEntry(
  path: string,
  fields: MessageInitShape<typeof RegularFileSchema> = {},
  id = 6,
): Uint8Array {
  const name = new TextEncoder().encode(path);
  const regular = { id, flags: 0, position: 0n, name, size: 100n, mode: 0o100644, ...fields };
  return toBinary(FileSchema, create(FileSchema, { type: typeRegular, id, regular }));
}

function imageOf(...payloads: readonly Uint8Array[]): Uint8Array {
  const head = new Uint8Array(Uint32Array.of(magics.common, magics.files).buffer);
  return joinImage({ head, payloads });
}

const noneUnnamed: ReadonlySet<number> = new Set();

/** Fields that the schema does not know, of every wire type; numbers from 100 on are nobody's. */
const unknownFields = fc
  .array(
    fc.tuple(
      fc.integer({ min: 100, max: 1000 }),
      fc.oneof(fc.bigInt(0n, 2n ** 64n - 1n), fc.uint8Array({ maxLength: 30 })),
    ),
    { maxLength: 6 },
  )
  .map((fields) => {
    const writer = new BinaryWriter();
    for (const [number, value] of fields) {
      if (typeof value === 'bigint') writer.tag(number, WireType.Varint).uint64(value);
      else writer.tag(number, WireType.LengthDelimited).bytes(value);
    }
    return writer.finish();
  });

/** The bytes of a socket whose message carries `inner` besides what we know, in an entry that carries `outer`. */
function socketWithUnknown(inner: Uint8Array, outer: Uint8Array): Uint8Array {
  const known = fromBinary(FileSchema, socketEntry()).inetSocket;
  const socket = Uint8Array.from([...toBinary(InetSocketSchema, known!), ...inner]);
  const writer = new BinaryWriter();
  writer.tag(1, WireType.Varint).uint32(typeInet).tag(2, WireType.Varint).uint32(5);
  writer.tag(4, WireType.LengthDelimited).bytes(socket);
  return Uint8Array.from([...writer.finish(), ...outer]);
}

describe('a rewrite', () => {
  test('moves sockets, sets sizes, and counts both', () => {
    const bytes = imageOf(socketEntry(), fileEntry('/data/log'), fileEntry('/data/other'));
    const rewritten = rewriteFiles(bytes, options, noneUnnamed);
    expect(rewritten.report).toEqual({
      socketsChanged: 1,
      sizesChanged: 1,
      connectionsClosed: 0,
      outside: [],
    });
    const [socket, log, other] = readFiles(rewritten.bytes);
    expect(socket?.inetSocket).toMatchObject({
      sourceAddress: [word(10, 9, 0, 1)],
      destinationAddress: [word(10, 9, 0, 2)],
      sourcePort: 4000,
      destinationPort: 5000,
    });
    expect([log?.regular?.size, other?.regular?.size]).toEqual([4096n, 100n]);
  });

  test.each([
    [
      'a wildcard listener',
      socketEntry({ state: 10, sourceAddress: [0], destinationAddress: [0], destinationPort: 0 }),
    ],
    [
      'loopback',
      socketEntry({ sourceAddress: [word(127, 0, 0, 1)], destinationAddress: [word(127, 0, 0, 1)] }),
    ],
    ['a file of another path', fileEntry('/data/logs')],
    ['a file of that size already', fileEntry('/data/log', { size: 4096n })],
    ['a file whose size CRIU does not check', imageFileWithoutSize()],
    ['a directory', fileEntry('/data/log', { mode: 0o040755 })],
    ['an external file', fileEntry('/data/log', { external: true })],
  ])('leaves %s alone', (_, payload) => {
    const bytes = imageOf(payload);
    const rewritten = rewriteFiles(bytes, options, noneUnnamed);
    expect(rewritten.report).toMatchObject({ socketsChanged: 0, sizesChanged: 0, outside: [] });
    expect(rewritten.bytes).toEqual(bytes);
  });

  test('leaves a file alone that has lost its name', () => {
    const bytes = imageOf(fileEntry('/data/log', {}, 6), fileEntry('/data/log', {}, 7));
    const [unlinked, linked] = readFiles(rewriteFiles(bytes, options, new Set([6])).bytes);
    expect([unlinked?.regular?.size, linked?.regular?.size]).toEqual([100n, 4096n]);
  });

  test('names sockets to somebody outside, and keeps them', () => {
    const stranger = word(192, 168, 7, 7);
    const rewritten = rewriteFiles(
      imageOf(socketEntry({ destinationAddress: [stranger] })),
      options,
      noneUnnamed,
    );
    expect(rewritten.report).toEqual({
      socketsChanged: 1,
      sizesChanged: 0,
      connectionsClosed: 0,
      outside: [
        {
          inode: 77,
          protocol: 'tcp',
          state: 'ESTABLISHED',
          local: { address: '10.0.0.1', port: 4000 },
          remote: { address: '192.168.7.7', port: 5000 },
          outside: 'remote',
          closed: false,
        },
      ],
    });
    const [socket] = readFiles(rewritten.bytes);
    expect(socket?.inetSocket?.sourceAddress).toEqual([word(10, 9, 0, 1)]);
  });

  test('closes connections to somebody outside by policy, and nothing else', () => {
    const stranger = [word(192, 168, 7, 7)];
    const bytes = imageOf(
      socketEntry({ destinationAddress: stranger }),
      socketEntry({ destinationAddress: stranger, type: 2, protocol: 17 }),
      socketEntry({ sourceAddress: stranger, state: 10, destinationPort: 0, destinationAddress: [0] }),
    );
    const { report, bytes: after } = rewriteFiles(bytes, { ...options, outside: 'close' }, noneUnnamed);
    expect(report.connectionsClosed).toBe(1);
    expect(report.outside.map(({ protocol, closed }) => [protocol, closed])).toEqual([
      ['tcp', true],
      ['udp', false],
      ['tcp', false],
    ]);
    expect(readFiles(after)[0]?.inetSocket).toMatchObject({
      state: 7,
      sourcePort: 0,
      destinationPort: 0,
      sourceAddress: [0],
      destinationAddress: [0],
      shutdown: 3,
    });
  });

  test('keeps paths that are no UTF-8 to the byte', () => {
    const name = Uint8Array.of(0x2f, 0xff, 0xfe, 0x61);
    const bytes = imageOf(fileEntry('', { name }), socketEntry());
    expect(readFiles(rewriteFiles(bytes, options, noneUnnamed).bytes)[0]?.regular?.name).toEqual(name);
  });
});

describe('unknown fields', () => {
  test('of an entry that does not change pass to the byte', () => {
    fc.assert(
      fc.property(unknownFields, unknownFields, (inner, outer) => {
        const bytes = imageOf(socketWithUnknown(inner, outer));
        expect(rewriteFiles(bytes, { ...options, addresses: new Map() }, noneUnnamed).bytes).toEqual(bytes);
      }),
    );
  });

  test('of an entry that changes stay, and only the addresses differ', () => {
    fc.assert(
      fc.property(unknownFields, unknownFields, (inner, outer) => {
        const bytes = imageOf(socketWithUnknown(inner, outer));
        const there = rewriteFiles(bytes, options, noneUnnamed);
        expect(there.report.socketsChanged).toBe(1);
        const reversed = new Map([...options.addresses].map(([from, to]) => [to, from]));
        const back = rewriteFiles(there.bytes, { ...options, addresses: reversed }, noneUnnamed);
        expect(back.bytes).toEqual(bytes);
      }),
    );
  });
});

describe('damage', () => {
  const bytes = imageOf(socketEntry(), fileEntry('/data/log'), socketEntry({ inode: 78 }));

  test('of any bit gives an image or a typed error, never another', () => {
    fc.assert(
      fc.property(fc.nat(bytes.length * 8 - 1), (bit) => {
        const damaged = Uint8Array.from(bytes);
        damaged[bit >> 3]! ^= 1 << (bit & 7);
        expect(surprise(() => rewriteFiles(damaged, options, noneUnnamed))).toBeUndefined();
      }),
      { numRuns: 2000 },
    );
  });

  test('of a whole payload gives an image or a typed error, never another', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (payload) => {
        expect(surprise(() => rewriteFiles(imageOf(payload), options, noneUnnamed))).toBeUndefined();
      }),
      { numRuns: 2000 },
    );
  });

  test('by cutting is refused, but between entries', () => {
    const { payloads } = splitImage('files.img', magics.files, bytes);
    const ends = payloads.map((_, index) => imageOf(...payloads.slice(0, index)).length);
    for (let length = 0; length < bytes.length; length += 1) {
      if (ends.includes(length)) continue;
      expect(() => rewriteFiles(bytes.subarray(0, length), options, noneUnnamed)).toThrow(CriuImageError);
    }
  });

  test.each([
    ['a family that is none', { family: 1 }],
    ['too few words', { family: 10 }],
    ['too many', { sourceAddress: [1, 2] }],
    ['a port that is none', { sourcePort: 65536 }],
    ['a state that is none', { state: 12 }],
  ])('%s is refused', (_, fields) => {
    expect(() => readFiles(imageOf(socketEntry(fields)))).toThrow(/inet socket 77 makes no sense/);
  });
});

function imageFileWithoutSize(): Uint8Array {
  const name = new TextEncoder().encode('/data/log');
  const regular = { id: 6, flags: 0o2001, name, mode: 0o100644 };
  return toBinary(FileSchema, create(FileSchema, { type: typeRegular, id: 6, regular }));
}

/** An error of another kind than damage may give, or undefined. */
function surprise(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error instanceof CriuImageError ? undefined : error;
  }
  return undefined;
}
