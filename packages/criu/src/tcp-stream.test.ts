// The kernel's sequence numbers from what CRIU writes, for every state with a peer.
import { create, toBinary } from '@bufbuild/protobuf';
import { describe, expect, test } from 'vitest';
import { CriuImageError } from './errors.ts';
import { TcpStreamSchema } from './generated/images_pb.ts';
import { joinImage, magics } from './image-file.ts';
import type { TcpState } from './inet-sockets.ts';
import { readTcpStream, streamState, tcpStreamName } from './tcp-stream.ts';

const entry = {
  receiveQueueLength: 3,
  receiveQueueSequence: 5000,
  sendQueueLength: 100,
  sendQueueSequence: 10,
  unsentLength: 40,
};

function image(fields: Partial<typeof entry>, queues: number): Uint8Array {
  const head = new Uint8Array(Uint32Array.of(magics.common, magics.tcpStream).buffer);
  const payload = toBinary(TcpStreamSchema, create(TcpStreamSchema, fields));
  return Uint8Array.from([...joinImage({ head, payloads: [payload] }), ...new Uint8Array(queues)]);
}

test('the name carries the inode in hex', () => {
  expect(tcpStreamName(0xabc12)).toBe('tcp-stream-abc12.img');
});

describe('numbers', () => {
  test.each([
    ['ESTABLISHED', 10 - 100],
    ['CLOSE_WAIT', 10 - 100],
    ['FIN_WAIT2', 10 - 100],
    ['FIN_WAIT1', 10 - 101],
    ['CLOSING', 10 - 101],
    ['LAST_ACK', 10 - 101],
    ['SYN_SENT', 10 - 101],
    ['CLOSE', 10 - 100],
  ] as const satisfies readonly (readonly [TcpState, number])[])(
    'of %s wrap around zero',
    (state, sndUna) => {
      const stream = readTcpStream('tcp-stream-1.img', image(entry, 103), image(entry, 103).length);
      expect(streamState(stream, state)).toEqual({
        sndUna: sndUna + 2 ** 32,
        writeSeq: 10,
        rcvNxt: 5000,
        unsentBytes: 40,
        sendQueueBytes: 100,
        receiveQueueBytes: 3,
      });
    },
  );
});

describe('an image is refused', () => {
  test.each([
    ['with less in its queues than it says', image(entry, 102)],
    ['with more', image(entry, 104)],
    ['with more unsent than there is', image({ ...entry, unsentLength: 101 }, 103)],
    ['without a length', image({ receiveQueueSequence: 1, sendQueueSequence: 1, unsentLength: 0 }, 0)],
  ])('%s', (_, bytes) => {
    expect(() => readTcpStream('tcp-stream-1.img', bytes, bytes.length)).toThrow(CriuImageError);
  });

  test('only its head is needed', () => {
    const bytes = image(entry, 103);
    expect(readTcpStream('tcp-stream-1.img', bytes.subarray(0, 60), bytes.length).unsentLength).toBe(40);
  });
});
