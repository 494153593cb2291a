// Merges what the members of a gang noted of their files into one list for the gang: for the vote, and for a restore.
import type { FileNote } from './cut.ts';
import type { MemberId } from './ids.ts';
import { invariant } from './step.ts';

/** One file that members of a gang share with one another or with the host, at the cut. */
export interface GangFile {
  readonly path: string;
  readonly inode: number;
  readonly device: number;
  /** When its content was last changed, as the first member noted. */
  readonly modifiedMs: number;
  /** The largest size that a member noted. */
  readonly sizeBytes: number;
  readonly writable: boolean;
  /** Every member that can write it can only append. */
  readonly append: boolean;
  /** SHA-256 in hex of the first `sizeBytes` bytes; absent when no member can write the file. */
  readonly sha256?: string;
  readonly members: readonly MemberId[];
}

/** The part of a member's vote that is merged. */
export interface MemberFiles {
  readonly member: MemberId;
  readonly files: readonly FileNote[];
}

/** A file on which members do not agree. */
export interface FileConflict {
  readonly path: string;
  /**
   * `written-in-place`: a member that had been released wrote to it while another one still read it. `ambiguous`: one
   * name for two files that are written. `undigested`: nobody says what is in it.
   */
  readonly kind: 'written-in-place' | 'ambiguous' | 'undigested';
  readonly message: string;
}

export interface MergedFiles {
  /** Sorted by path; private files are not in it, they are saved with their member. */
  readonly files: readonly GangFile[];
  /** Files that can't be rolled back to this cut: the vote fails, unless files are left as they are. */
  readonly conflicts: readonly FileConflict[];
}

const why: Readonly<Record<FileConflict['kind'], string>> = {
  'written-in-place': 'was written in place under the cut: members digested different contents',
  ambiguous: 'is not the same file for all members',
  undigested: 'can be written and has no digest',
};

const conflict = (path: string, kind: FileConflict['kind']): FileConflict => ({
  path,
  kind,
  message: `${path} ${why[kind]}`,
});

/**
 * Merges the notes of all members by path. A file that somebody can write gets the largest digested size, for which a
 * roll-back can be proved right; one that is only read gets the largest.
 */
export function mergeNotes(votes: readonly MemberFiles[]): MergedFiles {
  const byPath = new Map<string, { member: MemberId; note: FileNote }[]>();
  for (const { member, files } of votes) {
    for (const note of files) {
      if (note.isPrivate) continue;
      const notes = byPath.get(note.path) ?? [];
      byPath.set(note.path, notes);
      notes.push({ member, note });
    }
  }
  const files: GangFile[] = [];
  const conflicts: FileConflict[] = [];
  for (const [path, noted] of [...byPath].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const notes = noted.map((each) => each.note);
    const merged = mergeOne(path, notes);
    if ('kind' in merged) conflicts.push(merged);
    else files.push({ ...merged, members: noted.map((each) => each.member) });
  }
  return { files, conflicts };
}

function mergeOne(path: string, notes: readonly FileNote[]): Omit<GangFile, 'members'> | FileConflict {
  const [first] = notes;
  invariant(first !== undefined, `${path} was noted`);
  const { inode, device, modifiedMs } = first;
  const writers = notes.filter((note) => note.writable);
  const largest = (from: readonly FileNote[]): number => Math.max(...from.map((note) => note.sizeBytes));
  const common = { path, inode, device, modifiedMs };
  if (writers.length === 0) return { ...common, sizeBytes: largest(notes), writable: false, append: false };
  if (notes.some((note) => note.inode !== inode || note.device !== device))
    return conflict(path, 'ambiguous');
  const sizeBytes = largest(writers);
  const digests = new Set(writers.filter((note) => note.sizeBytes === sizeBytes).map((note) => note.sha256));
  const [sha256] = digests;
  if (digests.size > 1) return conflict(path, 'written-in-place');
  if (sha256 === undefined) return conflict(path, 'undigested');
  return { ...common, sizeBytes, writable: true, append: writers.every((note) => note.append), sha256 };
}
