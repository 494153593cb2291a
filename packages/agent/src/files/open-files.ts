// Notes the open regular files of a frozen member. It runs while training stands still: nothing is read of their
// content here. Files in /proc are read synchronously (they never block); other file systems may, so those are not.
import { lstatSync, readdirSync, readFileSync, readlinkSync, type Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { FileNote } from '@stillpoint/protocol';
import { limits } from '../limits.ts';
import { errorCode, fileError, FileNameNotText, TooManyFiles } from './errors.ts';
import { forEachBounded, withDeadline } from './io.ts';
import { fileLimits } from './limits.ts';
import { isKernelFileSystem, type Mount, parseDescriptorInfo, parseMounts, sharedMappings } from './proc.ts';

export interface NoteFilesOptions {
  /** Every process of the member, as pids of this process's namespace. All of them are frozen. */
  readonly pids: readonly number[];
  /** `st_dev` of the sandbox's own file systems: files there are saved with the member. */
  readonly privateDevices: readonly number[];
}

/** One way in which a process has a file open. */
interface Sighting {
  /** The magic link in /proc that leads to the open file itself. */
  readonly link: string;
  readonly path: string;
  readonly pid: number;
  /** Whether the path is known to be a name of the file: else it is looked up. */
  readonly isNamed: boolean;
  writable: boolean;
  /** Whether every writable descriptor appends; false for a writable mapping. */
  append: boolean;
}

const deletedSuffix = ' (deleted)';

/**
 * Notes every regular file that a process of the member has open or mapped shared: path in the member's mount
 * namespace, inode, size, and whether a member can write it. `append` says that it can only be appended to. Left out:
 * unlinked files (CRIU saves them as ghosts), files of the kernel (/proc and the like) and files that are mounts
 * themselves (the sandbox's /etc/hosts). Sorted by path, one note per file.
 * @throws TooManyFiles, FileNameNotText, FilesTimeout, FileFailed
 */
export async function noteFiles(options: NoteFilesOptions): Promise<FileNote[]> {
  const sightings = new Map<string, Sighting>();
  for (const pid of options.pids) addSightings(sightings, pid);
  if (sightings.size > limits.notedFilesMax) throw new TooManyFiles(sightings.size);
  const notes = new Map<string, FileNote>();
  const look = async (sighting: Sighting): Promise<void> => {
    const note = await noteOf(sighting, options.privateDevices);
    if (note === undefined) return;
    const key = `${note.device}:${note.inode}`;
    notes.set(key, mergeSameFile(notes.get(key), note));
  };
  await withDeadline(
    () => forEachBounded([...sightings.values()], look),
    fileLimits.noteMs,
    'noting the open files of a member',
  );
  return [...notes.values()].toSorted((a, b) => (a.path < b.path ? -1 : 1));
}

function addSightings(sightings: Map<string, Sighting>, pid: number): void {
  const add = (key: string, sighting: Sighting): void => {
    const known = sightings.get(key);
    if (known === undefined) sightings.set(key, sighting);
    else if (sighting.writable) {
      known.append = sighting.append && (known.append || !known.writable);
      known.writable = true;
    }
  };
  const mounts = new Map<number, Mount>(parseMounts(readOrEmpty(`/proc/${pid}/mountinfo`)));
  for (const descriptor of listOrEmpty(`/proc/${pid}/fd`)) {
    const link = `/proc/${pid}/fd/${descriptor}`;
    const path = readPath(link, pid);
    if (path === undefined) continue;
    const info = parseDescriptorInfo(readFileSync(`/proc/${pid}/fdinfo/${descriptor}`, 'utf8'));
    const mount = mounts.get(info.mountId);
    if (info.isPathOnly || mount?.point === path || (mount !== undefined && isKernelFileSystem(mount.type)))
      continue;
    const isNamed = mount !== undefined && !path.endsWith(deletedSuffix);
    const append = info.writable && info.append;
    add(`${info.mountId}:${path}`, { link, path, pid, isNamed, writable: info.writable, append });
  }
  for (const name of sharedMappings(readOrEmpty(`/proc/${pid}/maps`))) {
    const link = `/proc/${pid}/map_files/${name}`;
    const path = readPath(link, pid);
    if (path === undefined) continue;
    // the link's own mode says how the mapped file was opened: a mapping that is read-only now may become writable
    const writable = (lstatSync(link).mode & 0o200) !== 0;
    add(`mapped:${path}`, { link, path, pid, isNamed: false, writable, append: false });
  }
}

async function noteOf(sighting: Sighting, privateDevices: readonly number[]): Promise<FileNote | undefined> {
  const { path, writable, append } = sighting;
  const file = await statOpen(sighting);
  if (!file.isFile() || file.nlink === 0) return undefined;
  if (!sighting.isNamed && !(await isNameOf(sighting, file.ino, file.dev))) return undefined;
  const isPrivate = privateDevices.includes(file.dev);
  const { ino: inode, dev: device, size: sizeBytes, mtimeMs: modifiedMs } = file;
  return { path, inode, device, sizeBytes, modifiedMs, writable, append, isPrivate };
}

function mergeSameFile(known: FileNote | undefined, note: FileNote): FileNote {
  if (known === undefined) return note;
  const [first, second] = known.path <= note.path ? [known, note] : [note, known];
  const writers = [first, second].filter((each) => each.writable);
  return {
    ...first,
    writable: writers.length > 0,
    append: writers.length > 0 && writers.every((each) => each.append),
  };
}

async function statOpen(sighting: Sighting): Promise<Stats> {
  try {
    return await stat(sighting.link);
  } catch (error) {
    throw fileError(sighting.path, error);
  }
}

/** Whether a path leads to the file: not so for unlinked ones, nor for anonymous ones such as DMA buffers. */
async function isNameOf({ pid, path }: Sighting, inode: number, device: number): Promise<boolean> {
  try {
    const named = await stat(`/proc/${pid}/root${path}`);
    return named.ino === inode && named.dev === device;
  } catch {
    return false;
  }
}

/** Path of an open file, or undefined for sockets, pipes and the like, which have none. */
function readPath(link: string, pid: number): string | undefined {
  const bytes = readlinkSync(link, { encoding: 'buffer' });
  if (bytes[0] !== 0x2f) return undefined;
  const path = bytes.toString();
  if (!Buffer.from(path).equals(bytes)) throw new FileNameNotText(path, pid);
  return path;
}

/** A process that has ended and is not reaped yet has nothing open, and the kernel says so in several ways. */
function orEmpty<T>(read: () => T, empty: T): T {
  try {
    return read();
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EINVAL') return empty;
    throw error;
  }
}

const readOrEmpty = (path: string): string => orEmpty(() => readFileSync(path, 'utf8'), '');
const listOrEmpty = (path: string): string[] => orEmpty(() => readdirSync(path), []);
