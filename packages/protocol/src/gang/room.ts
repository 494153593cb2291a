// Whether the vault has room for a gang that is to be stopped: it can't go on before its image is there. Pure.
import type { Blocker } from '../messages.ts';
import type { GangFacts } from './facts.ts';

const toMiB = (bytes: number): number => Math.ceil(bytes / 1024 / 1024);

/** One blocker for the whole gang: all members write to one vault. */
export function roomBlockers({ members }: GangFacts): Blocker[] {
  const rooms = members.flatMap(({ room }) => room ?? []);
  const neededBytes = rooms.reduce((sum, { imageBytes }) => sum + imageBytes, 0);
  const freeBytes = Math.min(...rooms.map(({ vaultFreeBytes }) => vaultFreeBytes));
  if (neededBytes <= freeBytes) return [];
  return [
    {
      code: 'SP_VAULT_NO_ROOM',
      message: `the gang's images need up to ${toMiB(neededBytes)} MiB in the vault, which has ${toMiB(freeBytes)} MiB free`,
      remedy:
        'Free space on the file system of the vault, or remove old epochs with `stillpoint rm NAME@EPOCH`.',
    },
  ];
}
