// The network hold: one nftables table in a member's network namespace that drops everything, lo included.
// The table's name carries epoch and hold id, so one epoch's lifting can never touch another's hold.
import type { HoldId } from '@stillpoint/protocol';
import { exec } from './exec.ts';
import { namespacePath } from './network.ts';

const inNamespace = (namespace: string, ...command: string[]): string[] => [
  `--net=${namespacePath(namespace)}`,
  ...command,
];

const tableName = (holdId: HoldId): string => `stillpoint_${holdId}`;

/**
 * What a hold lets pass. `nothing`: for a dump. `criu`: for a restore, in which CRIU brings sockets into their closing
 * states by packets of its own, which it marks (SOCCR_MARK in its soccr.h); no program runs then that could forge it.
 */
export type HoldException = 'nothing' | 'criu';

const exceptionRules: Readonly<Record<HoldException, string>> = {
  nothing: '',
  criu: 'meta mark 0xc114 accept;',
};

/**
 * A kernel that can't send the answer to a handshake again forgets the handshake, and its client would wait for ever.
 * The answer carries nothing, nobody who is held hears it, and no epoch has a handshake that is under way.
 */
const handshakeAnswer = 'tcp flags & (fin | syn | rst | ack) == syn | ack accept;';

/**
 * Drops all traffic of the namespace, both ways, from when this returns until the same hold is lifted. Taken again: no
 * harm, for what is there already is only added to.
 */
export async function takeHold(
  namespace: string,
  holdId: HoldId,
  exception: HoldException = 'nothing',
): Promise<void> {
  const table = tableName(holdId);
  const rule = exceptionRules[exception];
  const chain = (hook: string, more = ''): string =>
    `chain ${hook} { type filter hook ${hook} priority -500; policy drop; ${rule} ${more} }`;
  await exec('nsenter', inNamespace(namespace, 'nft', '-f', '-'), {
    input: `table inet ${table} {\n${chain('input')}\n${chain('output', handshakeAnswer)}\n${chain('forward')}\n}\n`,
  });
}

/** Lifts this hold and no other. Does nothing when it is not there. */
export async function liftHold(namespace: string, holdId: HoldId): Promise<void> {
  const table = tableName(holdId);
  // add before delete: deleting a table that is not there is an error, adding one that is there is none
  await exec('nsenter', inNamespace(namespace, 'nft', '-f', '-'), {
    input: `add table inet ${table}\ndelete table inet ${table}\n`,
  });
}

/** Ids of the holds in force in a namespace. */
export async function listHolds(namespace: string): Promise<HoldId[]> {
  const { stdout } = await exec('nsenter', inNamespace(namespace, 'nft', 'list', 'tables'));
  return [...stdout.matchAll(/^table inet stillpoint_(\S+)$/gm)].map((match) => match[1] as HoldId);
}
