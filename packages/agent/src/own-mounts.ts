// Mounts that a member made: they belong to the sandbox's mount namespace, which is not part of the images.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ProcessObstacle } from './halted-processes.ts';
import type { SandboxRecord } from './sandbox-record.ts';

/** Written by sandbox-setup.sh before the member's first instruction: its mountinfo. */
const mountsFile = 'mounts';

/** Of their file systems the kernel mounts parts by itself, where a path leads into them. */
const networkTypes = new Set(['nfs', 'nfs4', 'cifs', 'smb3', 'afs']);

export async function ownMounts(record: SandboxRecord): Promise<ProcessObstacle[]> {
  const present = await readFile(`/proc/${record.initPid}/mountinfo`, 'utf8').catch(() => '');
  if (present === '') return []; // it has ended meanwhile
  const given = await readGiven(join(record.slot.folder, mountsFile));
  if (given === undefined) return []; // there was no such file yet when this sandbox was made
  return addedMounts(given, present).map((path) => ({
    code: 'SP_BLOCKED_MOUNT',
    what: `has made a mount of its own: ${path}`,
    remedy: `Unmount ${path} before a checkpoint; what a member needs is mounted on the machine before its gang starts.`,
  }));
}

async function readGiven(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/**
 * Mounts can only be missing that were given: the sandbox's are private, so none of the machine's appears in it
 * later, but one goes where its folder is removed.
 *
 * @param given what mountinfo was at first
 * @param present what it is now
 * @returns mount points of what was added
 */
export function addedMounts(given: string, present: string): string[] {
  const known = new Set(mountsOf(given).map(({ identity }) => identity));
  const mounts = mountsOf(present);
  const types = new Map(mounts.map(({ id, type }) => [id, type]));
  return mounts
    .filter(({ identity }) => !known.has(identity))
    .filter(({ parent, type }) => !(networkTypes.has(type) && types.get(parent) === type))
    .map(({ path }) => path);
}

interface Mount {
  readonly id: string;
  readonly parent: string;
  readonly path: string;
  readonly type: string;
  /** Ids are given out again: an id alone does not tell one mount from another. */
  readonly identity: string;
}

function mountsOf(mountinfo: string): Mount[] {
  return mountinfo
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [id = '', parent = '', device = '', root = '', path = ''] = line.split(' ');
      const [type = ''] = (line.split(' - ')[1] ?? '').split(' ');
      return { id, parent, path, type, identity: [id, parent, device, root, path].join(' ') };
    });
}
