// Where things are in a vault's directory. Every name is checked here before it becomes part of a path.
//
//   format.json
//   gangs/<gang>/epochs/<epoch>/manifest.json          written last; the epoch is published once it is there
//   gangs/<gang>/epochs/<epoch>/<member>/member.json   what the member's folder holds
//   gangs/<gang>/epochs/<epoch>/<member>/<file>.zst
import { join, resolve } from 'node:path';
import { VaultInvalidError } from './errors.ts';
import { isEpoch, isFileName, isGangName, isMemberName, manifestFileName, storedName } from './names.ts';

export class Layout {
  readonly root: string;

  constructor(root: string) {
    this.root = resolve(root);
  }

  get format(): string {
    return join(this.root, 'format.json');
  }

  get gangs(): string {
    return join(this.root, 'gangs');
  }

  epochs(gang: string): string {
    check(isGangName(gang), 'a gang’s name', gang);
    return join(this.gangs, gang, 'epochs');
  }

  epoch(gang: string, epoch: number): string {
    check(isEpoch(epoch), 'an epoch', epoch);
    return join(this.epochs(gang), String(epoch));
  }

  manifest(gang: string, epoch: number): string {
    return join(this.epoch(gang, epoch), manifestFileName);
  }

  member(gang: string, epoch: number, member: string): string {
    check(isMemberName(member), 'a member’s name', member);
    return join(this.epoch(gang, epoch), member);
  }
}

/** Where a member's folder says what it holds. No stored file's name is the same. */
export const memberRecordIn = (memberFolder: string): string => join(memberFolder, 'member.json');

/** Where a file is kept in a member's folder. */
export function storedFileIn(memberFolder: string, file: string): string {
  check(isFileName(file), 'a file’s name', file);
  return join(memberFolder, storedName(file));
}

/** Where a file is put in the folder that a member is read into. */
export function readFileIn(folder: string, file: string): string {
  check(isFileName(file), 'a file’s name', file);
  return join(folder, file);
}

/** The epoch that a folder's name stands for, if it stands for one. */
export function epochOf(folderName: string): number | undefined {
  const epoch = Number(folderName);
  return isEpoch(epoch) && String(epoch) === folderName ? epoch : undefined;
}

function check(holds: boolean, what: string, given: string | number): void {
  if (!holds) throw new VaultInvalidError(`not ${what}: ${JSON.stringify(given).slice(0, 160)}`);
}
