// A reset that a hold swallowed is lost for the living gang too: which connections lost their other end?
import type { KernelSocket, TcpState } from './cut.ts';
import { endKey, findHomes, type Homes } from './homes.ts';
import type { MemberId } from './ids.ts';
import type { HalfDeadSocket, SurveyedReport } from './messages.ts';

/** What one look at a member's sockets found. */
export type MemberSockets = Pick<SurveyedReport, 'member' | 'addresses' | 'sockets'>;

/** Only these wait for a peer without end. A CLOSE_WAIT is the application's to close: never one of those. */
const waitsForPeer: ReadonlySet<TcpState> = new Set<TcpState>(['ESTABLISHED', 'FIN_WAIT1', 'FIN_WAIT2']);

/**
 * Sockets that wait, in both looks and by the same cookie, for an end that no longer exists. A connection
 * whose other end has a socket of any kind, or belongs to nobody who was looked at, is left alone.
 */
export function judgeHalfDead(
  first: readonly MemberSockets[],
  second: readonly MemberSockets[],
): HalfDeadSocket[] {
  const before = new Set(findLonely(first).map(identity));
  return findLonely(second).filter((socket) => before.has(identity(socket)));
}

/** What a single look suspects: not enough to destroy anything. */
export function findLonely(looks: readonly MemberSockets[]): HalfDeadSocket[] {
  const homes = findHomes(looks);
  const present = new Set<string>();
  for (const { member, sockets } of looks) {
    const home = homes.ofMember(member) ?? -1;
    for (const { local, remote } of sockets) present.add(endKey(home, local, remote));
  }
  return looks.flatMap(({ member, sockets }) =>
    sockets
      .filter((socket) => isLonely(member, socket, homes, present))
      .map(({ cookie, local, remote }) => ({ member, cookie, local, remote })),
  );
}

function isLonely(
  member: MemberId,
  { state, local, remote }: KernelSocket,
  homes: Homes,
  present: ReadonlySet<string>,
): boolean {
  if (!waitsForPeer.has(state)) return false;
  const peerHome = homes.ofAddress(member, remote.address);
  return peerHome !== undefined && !present.has(endKey(peerHome, remote, local));
}

const identity = ({ member, cookie }: HalfDeadSocket): string => `${member} ${cookie}`;
