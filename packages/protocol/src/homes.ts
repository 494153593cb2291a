// Where an address belongs. Members that share an address share a network namespace: one *home*. Loopback
// addresses mean their own home; every other address of the gang is somebody's, or it is outside.
import type { Endpoint } from './cut.ts';
import type { MemberId } from './ids.ts';

/** The namespaces of a gang and the addresses in them. */
export interface Homes {
  /** Home of a member; undefined for one that was not listed. */
  readonly ofMember: (member: MemberId) => number | undefined;
  /** Home of an address as a member sees it; undefined when it is outside the gang. */
  readonly ofAddress: (seenBy: MemberId, address: string) => number | undefined;
}

const isLoopback = (address: string): boolean => address === '::1' || address.startsWith('127.');

/** Groups members by shared addresses. O(total number of addresses). */
export function findHomes(
  members: readonly { readonly member: MemberId; readonly addresses: readonly string[] }[],
): Homes {
  const parent: number[] = [];
  const root = (home: number): number => {
    let at = home;
    for (let up = parent[at]; up !== undefined && up !== at; up = parent[at]) at = up;
    return at;
  };
  const homeOfMember = new Map<MemberId, number>();
  const homeOfAddress = new Map<string, number>();
  for (const { member, addresses } of members) {
    const home = parent.length;
    parent.push(home);
    homeOfMember.set(member, home);
    for (const address of addresses) {
      if (isLoopback(address)) continue;
      const other = homeOfAddress.get(address);
      if (other === undefined) homeOfAddress.set(address, home);
      else parent[root(home)] = root(other);
    }
  }
  const resolve = (home: number | undefined): number | undefined =>
    home === undefined ? undefined : root(home);
  return {
    ofMember: (member) => resolve(homeOfMember.get(member)),
    ofAddress: (seenBy, address) =>
      resolve(isLoopback(address) ? homeOfMember.get(seenBy) : homeOfAddress.get(address)),
  };
}

/** An endpoint as people write it. */
export const endpointText = ({ address, port }: Endpoint): string =>
  address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;

/** Key of one end of a connection: its home, then its own and the other endpoint. */
export const endKey = (home: number, local: Endpoint, remote: Endpoint): string =>
  `${home} ${endpointText(local)} ${endpointText(remote)}`;
