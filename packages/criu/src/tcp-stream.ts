// The state of one TCP connection from its tcp-stream image, as CRIU's soccr.c defines the numbers. Pure.
import { CriuImageError } from './errors.ts';
import { TcpStreamSchema, type TcpStream } from './generated/images_pb.ts';
import { readImageHead, magics } from './image-file.ts';
import type { TcpState } from './inet-sockets.ts';
import { decodeEntry } from './messages.ts';

/** Where one end of a connection stands. Sequence numbers are modulo 2³²; SYN and FIN count as one each. */
export interface StreamState {
  /** First sequence number that the peer has not acknowledged. */
  readonly sndUna: number;
  /** Sequence number after the last byte, or FIN, that the program has written. */
  readonly writeSeq: number;
  /** Next sequence number that is expected from the peer; past its FIN when that has come. */
  readonly rcvNxt: number;
  /** Bytes written and never sent, a FIN not counted. */
  readonly unsentBytes: number;
  /** Bytes written and not acknowledged, those never sent included, a FIN not counted. */
  readonly sendQueueBytes: number;
  /** Bytes received that the program has not read. */
  readonly receiveQueueBytes: number;
}

/** The name of the image of the connection with this inode. */
export function tcpStreamName(inode: number): string {
  return `tcp-stream-${inode.toString(16)}.img`;
}

/**
 * Reads the head of a tcp-stream image.
 * @param bytes its first bytes, `limits.streamHeadBytesMax` or all
 * @param size the size of the whole file: the queues must fill it exactly
 */
export function readTcpStream(name: string, bytes: Uint8Array, size: number): TcpStream {
  const { payload, tailOffset } = readImageHead(name, magics.tcpStream, bytes);
  const stream = decodeEntry(name, TcpStreamSchema, payload, [
    'receiveQueueLength',
    'receiveQueueSequence',
    'sendQueueLength',
    'sendQueueSequence',
    'unsentLength',
  ]);
  const expected = tailOffset + stream.receiveQueueLength + stream.sendQueueLength;
  if (expected !== size || stream.unsentLength > stream.sendQueueLength) {
    const what = `${size} bytes long where its queues make it ${expected}, ${stream.unsentLength} of them unsent`;
    throw new CriuImageError('SP_CRIU_IMAGE_CORRUPT', name, what);
  }
  return stream;
}

/**
 * Derives the kernel's numbers. CRIU writes `rcv_nxt` and `write_seq` as they are, but the length of the send queue
 * without the FIN that some states have in it (soccr.c, refresh_sk). In CLOSE it drops the queue: there `sndUna`
 * is only an upper bound, and the connection is no live end any more.
 */
export function streamState(stream: TcpStream, state: TcpState): StreamState {
  const unacknowledged = stream.sendQueueLength + (controlInSendQueue.has(state) ? 1 : 0);
  return {
    sndUna: (stream.sendQueueSequence - unacknowledged) >>> 0,
    writeSeq: stream.sendQueueSequence,
    rcvNxt: stream.receiveQueueSequence,
    unsentBytes: stream.unsentLength,
    sendQueueBytes: stream.sendQueueLength,
    receiveQueueBytes: stream.receiveQueueLength,
  };
}

/**
 * States with a SYN or FIN between snd_una and write_seq. In SYN_SENT SIOCOUTQ says 0, though the SYN is out;
 * in FIN_WAIT2 the FIN is acknowledged.
 */
const controlInSendQueue: ReadonlySet<TcpState> = new Set(['SYN_SENT', 'FIN_WAIT1', 'CLOSING', 'LAST_ACK']);
