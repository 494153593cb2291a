// Names of members in their gang's own /etc/hosts: they stay the same when the addresses change.

/** Host name of a member: MASTER_ADDR is that of member 0. */
export const memberHostname = (gang: string, member: number): string => `${gang}-${member}`;

/** The hosts file of every sandbox of a gang. */
export function gangHosts(
  gang: string,
  members: readonly { readonly member: number; readonly addresses: readonly string[] }[],
): string {
  const own = members.flatMap(({ member, addresses }) =>
    addresses.map((address) => `${address} ${memberHostname(gang, member)}`),
  );
  return ['127.0.0.1 localhost', '::1 localhost ip6-localhost', ...own, ''].join('\n');
}
