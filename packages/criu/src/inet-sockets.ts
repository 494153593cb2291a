// Inet sockets of an image: what they are, and their addresses in another place. Pure.
import type { MessageInitShape } from '@bufbuild/protobuf';
import { addressText, classifyAddress, translateAddress, type AddressMap } from './addresses.ts';
import { CriuImageError } from './errors.ts';
import { InetSocketSchema, type InetSocket } from './generated/images_pb.ts';
import { requireFields } from './messages.ts';

/** An address and port; IPv6 in RFC 5952 form, IPv4-mapped ones as plain IPv4. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** TCP states by the names of RFC 9293, at their index in the kernel's tcp_states.h. */
const tcpStates = [
  undefined,
  'ESTABLISHED',
  'SYN_SENT',
  'SYN_RECV',
  'FIN_WAIT1',
  'FIN_WAIT2',
  'TIME_WAIT',
  'CLOSE',
  'CLOSE_WAIT',
  'LAST_ACK',
  'LISTEN',
  'CLOSING',
] as const;

export type TcpState = NonNullable<(typeof tcpStates)[number]>;

/** The protocol of a socket; `other` is ICMP or raw IP. */
export type InetProtocol = 'tcp' | 'udp' | 'other';

/** A socket with an address that is neither in the address map, nor a wildcard, nor loopback. */
export interface OutsideSocket {
  readonly inode: number;
  readonly protocol: InetProtocol;
  readonly state: TcpState;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  /** Which of its addresses is outside. */
  readonly outside: 'local' | 'remote' | 'both';
  /** Whether the rewrite closed it in the image. */
  readonly closed: boolean;
}

/** What to do with TCP connections to somebody outside: leave them, or close them in the image. */
export type OutsidePolicy = 'keep' | 'close';

/** What became of one socket. */
export interface SocketRewrite {
  readonly changed: boolean;
  readonly outside: OutsideSocket | undefined;
}

/** @throws CriuImageError unless the socket has all that this package relies on, within its range */
export function checkInetSocket(name: string, socket: InetSocket): void {
  requireFields(name, InetSocketSchema, socket, [
    'id',
    'inode',
    'family',
    'type',
    'protocol',
    'state',
    'sourcePort',
    'destinationPort',
  ]);
  const words = addressWords.get(socket.family);
  const isSound =
    words !== undefined &&
    socket.sourceAddress.length === words &&
    socket.destinationAddress.length === words &&
    socket.sourcePort <= portMax &&
    socket.destinationPort <= portMax &&
    tcpStates[socket.state] !== undefined;
  if (!isSound) {
    throw new CriuImageError('SP_CRIU_IMAGE_CORRUPT', name, `inet socket ${socket.inode} makes no sense`);
  }
}

export function protocolOf(socket: InetSocket): InetProtocol {
  if (socket.type === sockRaw) return 'other';
  if (socket.protocol === ipprotoTcp) return 'tcp';
  return socket.protocol === ipprotoUdp || socket.protocol === ipprotoUdpLite ? 'udp' : 'other';
}

/** The state of a checked socket. CRIU writes TCP's numbers for other protocols too. */
export function stateOf(socket: InetSocket): TcpState {
  return tcpStates[socket.state] ?? 'CLOSE';
}

export function localOf(socket: InetSocket): Endpoint {
  return { address: addressText(socket.sourceAddress), port: socket.sourcePort };
}

export function remoteOf(socket: InetSocket): Endpoint {
  return { address: addressText(socket.destinationAddress), port: socket.destinationPort };
}

/** CRIU's own test for a socket with a tcp-stream image, restored by TCP_REPAIR (sk-inet.c, tcp_connection). */
export function isTcpConnection(socket: InetSocket): boolean {
  return protocolOf(socket) === 'tcp' && socket.destinationPort !== 0;
}

/**
 * Moves a checked socket to its new addresses, in place. Wildcard and loopback addresses stay.
 * Under `close` a TCP connection with an outside address becomes a socket that is shut down both ways.
 */
export function rewriteInetSocket(socket: InetSocket, map: AddressMap, policy: OutsidePolicy): SocketRewrite {
  const isLocalOutside = classifyAddress(map, socket.sourceAddress) === 'outside';
  const isRemoteOutside = classifyAddress(map, socket.destinationAddress) === 'outside';
  if (!isLocalOutside && !isRemoteOutside) {
    return { changed: moveSocket(socket, map), outside: undefined };
  }
  const closed = policy === 'close' && isTcpConnection(socket);
  const outside: OutsideSocket = {
    inode: socket.inode,
    protocol: protocolOf(socket),
    state: stateOf(socket),
    local: localOf(socket),
    remote: remoteOf(socket),
    outside: isLocalOutside ? (isRemoteOutside ? 'both' : 'local') : 'remote',
    closed,
  };
  if (closed) closeSocket(socket);
  const changed = closed || moveSocket(socket, map);
  return { changed, outside };
}

const addressWords: ReadonlyMap<number, number> = new Map([
  [2, 1], // AF_INET
  [10, 4], // AF_INET6
]);
const portMax = 65535;
const sockRaw = 3;
const ipprotoTcp = 6;
const ipprotoUdp = 17;
const ipprotoUdpLite = 136;
const shutdownBoth = 3;

function moveSocket(socket: InetSocket, map: AddressMap): boolean {
  const source = translateAddress(map, socket.sourceAddress);
  const destination = translateAddress(map, socket.destinationAddress);
  if (source !== undefined) socket.sourceAddress = source;
  if (destination !== undefined) socket.destinationAddress = destination;
  return source !== undefined || destination !== undefined;
}

/**
 * What `criu --tcp-close` restores for every connection, for this one alone: CRIU makes an unconnected
 * socket and shuts it down, so that reads end and writes fail with EPIPE.
 */
function closeSocket(socket: InetSocket): void {
  Object.assign(socket, {
    state: tcpStates.indexOf('CLOSE'),
    sourcePort: 0,
    destinationPort: 0,
    sourceAddress: socket.sourceAddress.map(() => 0),
    destinationAddress: socket.destinationAddress.map(() => 0),
    shutdown: shutdownBoth,
  } satisfies MessageInitShape<typeof InetSocketSchema>);
}
