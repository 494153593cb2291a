// Sets etcd's users and roles up, each with the least that it needs, and turns its access control on. etcd knows a client
// by the common name of its certificate; passwords are not used.
import type { LedgerRights } from '@stillpoint/protocol';
import { EtcdRoleExistsError, EtcdUserExistsError, type IPermission } from 'etcd3';
import { ledgerLimits } from '../limits.ts';
import { type Ask, EtcdMembers } from './members.ts';
import { type EtcdOptions, keyPrefixOf, rangeOf } from './options.ts';

/** A user of the ledger: the common name of its certificates, and what it may do below the ledger's prefix. */
export interface EtcdUser extends LedgerRights {
  readonly name: string;
}

/** The user that etcd wants before access control can be turned on. Its certificate is for set-up alone. */
const administrator = 'root';

/**
 * Makes the users with their roles, or corrects what they may do, and turns access control on. Can be repeated.
 *
 * @param options with a certificate for `root`
 * @throws `SP_LEDGER_FORBIDDEN` when access control is on and the certificate is another one's; `SP_LEDGER_UNAVAILABLE`
 */
export async function setUpEtcdUsers(options: EtcdOptions, users: readonly EtcdUser[]): Promise<void> {
  const prefix = keyPrefixOf(options);
  const members = new EtcdMembers(options);
  try {
    await makeUser(members, administrator);
    for (const { name, reads, writes } of users) {
      await makeUser(members, name);
      await correctRole(members, name, [
        ...reads.map((below) => ({ permType: 'Read', ...rangeOf(prefix + below) }) as const),
        ...writes.map((below) => ({ permType: 'Readwrite', ...rangeOf(prefix + below) }) as const),
      ]);
    }
    await ask(members, ({ auth }, call) => auth.authEnable(call));
  } finally {
    members.close();
  }
}

/** A user with a role of the same name. */
async function makeUser(members: EtcdMembers, name: string): Promise<void> {
  await ask(members, ({ auth }, call) =>
    auth.userAdd({ name, options: { no_password: true } }, call).catch(unless(EtcdUserExistsError)),
  );
  await ask(members, ({ auth }, call) => auth.roleAdd({ name }, call).catch(unless(EtcdRoleExistsError)));
  await ask(members, ({ auth }, call) => auth.userGrantRole({ user: name, role: name }, call));
}

/** Grants what is missing, and takes back what an earlier version granted. */
async function correctRole(
  members: EtcdMembers,
  role: string,
  permissions: readonly IPermission[],
): Promise<void> {
  const { perm: granted } = await ask(members, ({ auth }, call) => auth.roleGet({ role }, call));
  for (const { key, range_end } of granted) {
    const isWanted = permissions.some((each) => each.key.equals(key) && each.range_end.equals(range_end));
    if (isWanted) continue;
    await ask(members, ({ auth }, call) => auth.roleRevokePermission({ role, key, range_end }, call));
  }
  for (const perm of permissions) {
    await ask(members, ({ auth }, call) => auth.roleGrantPermission({ name: role, perm }, call));
  }
}

/** All of it may be done twice, so it may be asked of one member after the other. */
const ask = <Answer>(members: EtcdMembers, work: Ask<Answer>): Promise<Answer> =>
  members.read('set up users', ledgerLimits.callDeadlineMs, work);

/** Passes over the one error that says that it is done. */
const unless =
  (done: new () => Error) =>
  (error: unknown): void => {
    if (!(error instanceof done)) throw error;
  };
