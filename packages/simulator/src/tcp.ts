// Modelled TCP: connections with handshakes, queues, acknowledgements, FIN and RST, as RFC 9293 has them, in whole
// messages. Retransmission and the way of packets are the kernel's.
import type { TcpState } from '@stillpoint/protocol';

/** One message. `chain` is the sender's chain up to and with it: only the receiver that has all before it agrees. */
export interface Message {
  readonly nonce: number;
  /** Of what a program sends over its lasting connections; letters have none. */
  readonly chain: number | undefined;
}

/** What takes a sequence number: a message, or the FIN. */
interface Sent {
  readonly sequence: number;
  readonly message: Message | 'FIN';
}

/** One end of a connection in the kernel. */
export interface TcpEnd {
  readonly peer: number;
  /** The port of the side that dialed; the other one listens at a port that all have. */
  readonly port: number;
  readonly dials: boolean;
  /** The kernel's name for the socket, which is never used twice. */
  readonly cookie: number;
  state: TcpState;
  /** Whether a program has it open: one that is closed, or not accepted yet, is in no image. */
  isOpen: boolean;
  /** First sequence number that is not acknowledged. */
  unacknowledged: number;
  /** After the last one that was ever sent. */
  sent: number;
  /** After the last one that was written. */
  written: number;
  /** Next one expected from the peer. */
  expected: number;
  sendQueue: Sent[];
  receiveQueue: Message[];
  /** What came before its turn. */
  early: Sent[];
}

/** A packet. Which connection it belongs to is said by who sends it, the port, and which side that is. */
export interface Packet {
  readonly port: number;
  readonly isFromDialer: boolean;
  readonly kind: 'SYN' | 'SYN-ACK' | 'ACK' | 'RST';
  /** Everything below is acknowledged. */
  readonly next: number;
  readonly carries?: Sent;
}

type Ends = Map<string, TcpEnd>;

const keyOf = (peer: number, port: number, dials: boolean): string => `${peer}/${port}/${dials ? 'd' : 'l'}`;
export const keyOfEnd = ({ peer, port, dials }: TcpEnd): string => keyOf(peer, port, dials);

export function newEnd(
  place: Pick<TcpEnd, 'peer' | 'port' | 'dials' | 'cookie'>,
  state: TcpState,
  isOpen: boolean,
): TcpEnd {
  return {
    ...place,
    state,
    isOpen,
    unacknowledged: 0,
    sent: 0,
    written: 0,
    expected: 0,
    sendQueue: [],
    receiveQueue: [],
    early: [],
  };
}

/** The other end of a connection, among those of the peer. */
export const otherEnd = (member: number, { port, dials }: TcpEnd, ends: Ends): TcpEnd | undefined =>
  ends.get(keyOf(member, port, !dials));

/** The program writes. */
export function write(end: TcpEnd, message: Message | 'FIN'): void {
  end.sendQueue.push({ sequence: end.written, message });
  end.written += 1;
}

/** The program closes: what it has written is still sent, then a FIN. */
export function close(end: TcpEnd): void {
  end.isOpen = false;
  end.state = end.state === 'CLOSE_WAIT' ? 'LAST_ACK' : 'FIN_WAIT1';
  write(end, 'FIN');
}

/** What is sent, and sent again, until it is answered. */
export function packetsOf({ port, dials, state, expected, sendQueue }: TcpEnd): Packet[] {
  const packet = { port, isFromDialer: dials, next: expected };
  if (state === 'SYN_SENT') return [{ ...packet, kind: 'SYN' }];
  if (state === 'SYN_RECV') return [{ ...packet, kind: 'SYN-ACK' }];
  return sendQueue.map((carries) => ({ ...packet, kind: 'ACK', carries }));
}

interface Received {
  readonly answer?: Packet | undefined;
  /** The end that it has changed, unless that is gone. */
  readonly end?: TcpEnd;
}

/** A packet comes in. */
export function receive(ends: Ends, from: number, packet: Packet, cookie: () => number): Received {
  const { port, isFromDialer, kind, carries } = packet;
  const key = keyOf(from, port, !isFromDialer);
  const known = ends.get(key);
  if (kind === 'RST') {
    ends.delete(key);
    return {};
  }
  if (known === undefined) {
    if (kind !== 'SYN') return { answer: { port, isFromDialer: !isFromDialer, kind: 'RST', next: 0 } };
    const end = newEnd({ peer: from, port, dials: false, cookie: cookie() }, 'SYN_RECV', false);
    ends.set(key, end);
    return { end, answer: packetsOf(end)[0] };
  }
  if (kind === 'SYN')
    return { answer: known.state === 'SYN_RECV' ? packetsOf(known)[0] : acknowledgement(known) };
  if (kind === 'SYN-ACK') {
    if (known.state === 'SYN_SENT') known.state = 'ESTABLISHED';
    return { answer: acknowledgement(known) };
  }
  if (known.state === 'SYN_RECV') known.state = 'ESTABLISHED';
  acknowledge(known, packet.next);
  if (known.state === 'CLOSE') {
    ends.delete(key);
    return {};
  }
  if (carries === undefined) return { end: known };
  known.early.push(carries);
  takeAll(known);
  return { end: known, answer: acknowledgement(known) };
}

const acknowledgement = ({ port, dials, expected }: TcpEnd): Packet => ({
  port,
  isFromDialer: dials,
  kind: 'ACK',
  next: expected,
});

const afterFin: Partial<Record<TcpState, TcpState>> = {
  ESTABLISHED: 'CLOSE_WAIT',
  FIN_WAIT1: 'CLOSING',
  FIN_WAIT2: 'TIME_WAIT',
};

function takeAll(end: TcpEnd): void {
  for (;;) {
    const next = end.early.find(({ sequence }) => sequence === end.expected);
    if (next === undefined) break;
    take(end, next.message);
  }
  end.early = end.early.filter(({ sequence }) => sequence > end.expected);
}

function take(end: TcpEnd, message: Message | 'FIN'): void {
  end.expected += 1;
  if (message === 'FIN') end.state = afterFin[end.state] ?? end.state;
  else end.receiveQueue.push(message);
}

const afterLastAcknowledgement: Partial<Record<TcpState, TcpState>> = {
  FIN_WAIT1: 'FIN_WAIT2',
  CLOSING: 'TIME_WAIT',
  LAST_ACK: 'CLOSE',
};

/** An acknowledgement of what was never sent is ignored. */
function acknowledge(end: TcpEnd, next: number): void {
  if (next <= end.unacknowledged || next > end.written) return;
  end.sendQueue = end.sendQueue.filter(({ sequence }) => sequence >= next);
  end.unacknowledged = next;
  if (next === end.written) end.state = afterLastAcknowledgement[end.state] ?? end.state;
}
