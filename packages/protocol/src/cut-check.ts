// "Trust, but verify": do the members' votes, put together, make one consistent cut?
// CRIU can leave a connection out of an image without an error; nothing here trusts its exit status.
import type { Endpoint, ImageConnection, KernelSocket, MemberVote, TcpState } from './cut.ts';
import { endKey, endpointText, findHomes, type Homes } from './homes.ts';
import type { MemberId } from './ids.ts';
import type { OutsidePolicy } from './messages.ts';
import { invariant } from './step.ts';

/** One reason why a cut must not be kept. `member` owns the end at `local`. */
export interface CutProblem {
  readonly kind:
    /** A handshake is under way: the connection may exist on one side only. */
    | 'HalfOpen'
    /** The image has an end whose other end is in no image. */
    | 'MissingEnd'
    /** The two ends disagree on what was sent and received. */
    | 'OutOfStep'
    /** The kernel had a socket that the image has not. */
    | 'NotInImage'
    /** Data or a FIN waits in a socket that no process owns, so no image has it. */
    | 'UnsentWithoutOwner'
    /** The image has a connection that the kernel did not show. */
    | 'NotInKernel'
    /** It leads out of the gang, which is refused. */
    | 'Outside';
  readonly member: MemberId;
  readonly local: Endpoint;
  readonly remote: Endpoint;
  readonly message: string;
}

/** States with a peer and sequence numbers, in which an image can hold one end of a connection. */
const synchronised: ReadonlySet<TcpState> = new Set<TcpState>([
  'ESTABLISHED',
  'FIN_WAIT1',
  'FIN_WAIT2',
  'CLOSE_WAIT',
  'LAST_ACK',
  'CLOSING',
]);
const handshaking: ReadonlySet<TcpState> = new Set<TcpState>(['SYN_SENT', 'SYN_RECV']);
/** Ownerless sockets in these states have had everything they sent acknowledged, their FIN included. */
const spent: ReadonlySet<TcpState> = new Set<TcpState>(['TIME_WAIT', 'FIN_WAIT2']);

/** `a ≤ b` for TCP sequence numbers, modulo 2³² (RFC 9293 section 3.4): the distance is under 2³¹. */
export const sequenceAtMost = (a: number, b: number): boolean => ((b - a) | 0) >= 0;

/**
 * Checks that every connection inside the gang has both its ends in the images, that the ends agree
 * (`snd_una ≤ the peer's rcv_nxt ≤ write_seq`, a FIN counts as one), and that nothing unsent is without
 * an owner. Connections to the outside are looked at only where they are refused: one may have been opened since
 * preflight. An empty answer means a good cut.
 */
export function verifyCut(votes: readonly MemberVote[], outside: OutsidePolicy): CutProblem[] {
  invariant(new Set(votes.map((vote) => vote.member)).size === votes.length, 'one vote for each member');
  const ends = new GangEnds(votes, outside);
  return votes.flatMap((vote) => [
    ...vote.connections.flatMap((connection) => judgeConnection(vote.member, connection, ends)),
    ...vote.sockets.flatMap((socket) => judgeSocket(vote.member, socket, ends)),
  ]);
}

/** The ends of all connections, found by home and endpoints. */
class GangEnds {
  readonly outside: OutsidePolicy;
  readonly #homes: Homes;
  readonly #images = new Map<string, ImageConnection>();
  readonly #sockets = new Map<string, KernelSocket>();

  constructor(votes: readonly MemberVote[], outside: OutsidePolicy) {
    this.outside = outside;
    this.#homes = findHomes(votes);
    for (const { member, connections, sockets } of votes) {
      for (const end of connections) {
        if (synchronised.has(end.state)) this.#images.set(this.#ownKey(member, end), end);
      }
      for (const socket of sockets) this.#sockets.set(this.#ownKey(member, socket), socket);
    }
  }

  isInside(member: MemberId, { remote }: { remote: Endpoint }): boolean {
    return this.#homes.ofAddress(member, remote.address) !== undefined;
  }

  image(member: MemberId, end: { local: Endpoint; remote: Endpoint }): ImageConnection | undefined {
    return this.#images.get(this.#ownKey(member, end));
  }

  socket(member: MemberId, end: { local: Endpoint; remote: Endpoint }): KernelSocket | undefined {
    return this.#sockets.get(this.#ownKey(member, end));
  }

  peerImage(member: MemberId, end: { local: Endpoint; remote: Endpoint }): ImageConnection | undefined {
    return this.#images.get(this.#peerKey(member, end));
  }

  peerSocket(member: MemberId, end: { local: Endpoint; remote: Endpoint }): KernelSocket | undefined {
    return this.#sockets.get(this.#peerKey(member, end));
  }

  #ownKey(member: MemberId, { local, remote }: { local: Endpoint; remote: Endpoint }): string {
    return endKey(this.#homes.ofMember(member) ?? -1, local, remote);
  }

  #peerKey(member: MemberId, { local, remote }: { local: Endpoint; remote: Endpoint }): string {
    return endKey(this.#homes.ofAddress(member, remote.address) ?? -1, remote, local);
  }
}

/** One end as an image has it. */
function judgeConnection(member: MemberId, end: ImageConnection, ends: GangEnds): CutProblem[] {
  if (!ends.isInside(member, end)) return judgeOutside(member, end, ends);
  if (handshaking.has(end.state)) {
    return [problem('HalfOpen', member, end, `its handshake is not finished (${end.state})`)];
  }
  if (!synchronised.has(end.state)) return [];
  const problems: CutProblem[] = [];
  if (ends.socket(member, end) === undefined) {
    problems.push(problem('NotInKernel', member, end, 'the image has it, the kernel does not show it'));
  }
  const peer = ends.peerImage(member, end);
  if (peer === undefined) {
    if (!isLoneCloseWait(member, end, ends)) {
      problems.push(problem('MissingEnd', member, end, `its other end is in no image (${end.state})`));
    }
  } else if (!sequenceAtMost(end.sndUna, peer.rcvNxt) || !sequenceAtMost(peer.rcvNxt, end.writeSeq)) {
    const numbers = `snd_una ${end.sndUna}, the peer's rcv_nxt ${peer.rcvNxt}, write_seq ${end.writeSeq}`;
    problems.push(problem('OutOfStep', member, end, `its ends disagree: ${numbers}`));
  }
  return problems;
}

/** The peer said all it had to say, was acknowledged, and is gone: nothing is missing. */
function isLoneCloseWait(member: MemberId, end: ImageConnection, ends: GangEnds): boolean {
  if (end.state !== 'CLOSE_WAIT') return false;
  const peer = ends.peerSocket(member, end);
  return peer === undefined || (peer.inode === 0 && spent.has(peer.state));
}

/** One socket as the kernel showed it under the hold. */
function judgeSocket(member: MemberId, socket: KernelSocket, ends: GangEnds): CutProblem[] {
  if (ends.image(member, socket) !== undefined) return [];
  if (!ends.isInside(member, socket)) return judgeOutside(member, socket, ends);
  if (handshaking.has(socket.state)) {
    return [problem('HalfOpen', member, socket, `its handshake is not finished (${socket.state})`)];
  }
  if (!synchronised.has(socket.state) || (socket.inode === 0 && spent.has(socket.state))) return [];
  if (socket.inode === 0 && socket.state !== 'ESTABLISHED') {
    const queue = `${socket.state}, ${socket.sendQueueBytes} bytes unsent`;
    return [problem('UnsentWithoutOwner', member, socket, `it was closed before all was sent (${queue})`)];
  }
  return [problem('NotInImage', member, socket, `the kernel has it, the image has not (${socket.state})`)];
}

/** A connection that is over, and of which nobody waits for anything, is none. */
function judgeOutside(
  member: MemberId,
  end: Pick<KernelSocket, 'local' | 'remote' | 'state' | 'inode'>,
  { outside }: GangEnds,
): CutProblem[] {
  if (outside !== 'refuse' || !(synchronised.has(end.state) || handshaking.has(end.state))) return [];
  if (end.inode === 0 && spent.has(end.state)) return [];
  return [problem('Outside', member, end, `it leads out of the gang (${end.state})`)];
}

function problem(
  kind: CutProblem['kind'],
  member: MemberId,
  { local, remote }: { local: Endpoint; remote: Endpoint },
  what: string,
): CutProblem {
  const name = `connection ${endpointText(local)} → ${endpointText(remote)} of member ${member}`;
  return { kind, member, local, remote, message: `${name}: ${what}` };
}
