// The connections of one member as its images have them: plain data, since it travels in the agent's vote. Pure.
import type { InetSocket, TcpStream } from './generated/images_pb.ts';
import {
  isTcpConnection,
  localOf,
  protocolOf,
  remoteOf,
  stateOf,
  type Endpoint,
  type TcpState,
} from './inet-sockets.ts';
import { streamState, type StreamState } from './tcp-stream.ts';

/** What every inet socket of the table says. */
export interface SocketRecord {
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** The family of the socket: an `ipv6` one may carry IPv4-mapped traffic, whose addresses read as IPv4. */
  readonly family: 'ipv4' | 'ipv6';
  readonly state: TcpState;
  /** Inode number at the dump; sock_diag shows the same one while the member is held. */
  readonly inode: number;
  /** CRIU's id of the file description in this image. */
  readonly fileId: number;
}

/** One end of a TCP connection with its sequence numbers. */
export interface TcpConnection extends SocketRecord, StreamState {}

/** A listening TCP socket. */
export interface TcpListener extends SocketRecord {
  readonly backlog: number;
}

/** Every inet socket of a member, each in exactly one list, in the order of the image. */
export interface ConnectionTable {
  /**
   * TCP sockets with a peer. State CLOSE with a peer is a connection that is over: reset, or closed both ways;
   * it may still hold `receiveQueueBytes` to read. SYN_SENT is a handshake half done.
   */
  readonly connections: readonly TcpConnection[];
  /** TCP sockets with a peer, but no tcp-stream image: dumped with `--tcp-close`. CRIU cannot restore them as they were. */
  readonly streamless: readonly SocketRecord[];
  readonly listeners: readonly TcpListener[];
  /** TCP sockets that are neither connected nor listening. */
  readonly unconnected: readonly SocketRecord[];
  /** UDP and UDP-Lite. Their queues are in no image: datagrams may be lost. */
  readonly udp: readonly SocketRecord[];
  /** ICMP and raw sockets. */
  readonly other: readonly SocketRecord[];
}

/** @param streams the tcp-stream images by inode */
export function buildConnectionTable(
  sockets: readonly InetSocket[],
  streams: ReadonlyMap<number, TcpStream>,
): ConnectionTable {
  const connections: TcpConnection[] = [];
  const streamless: SocketRecord[] = [];
  const listeners: TcpListener[] = [];
  const unconnected: SocketRecord[] = [];
  const udp: SocketRecord[] = [];
  const other: SocketRecord[] = [];
  for (const socket of sockets) {
    const record = recordOf(socket);
    const stream = streams.get(socket.inode);
    const protocol = protocolOf(socket);
    if (protocol === 'udp') udp.push(record);
    else if (protocol === 'other') other.push(record);
    else if (!isTcpConnection(socket)) {
      if (record.state === 'LISTEN') listeners.push({ ...record, backlog: socket.backlog });
      else unconnected.push(record);
    } else if (stream === undefined) streamless.push(record);
    else connections.push({ ...record, ...streamState(stream, record.state) });
  }
  return { connections, streamless, listeners, unconnected, udp, other };
}

function recordOf(socket: InetSocket): SocketRecord {
  return {
    local: localOf(socket),
    remote: remoteOf(socket),
    family: socket.sourceAddress.length === 1 ? 'ipv4' : 'ipv6',
    state: stateOf(socket),
    inode: socket.inode,
    fileId: socket.id,
  };
}
