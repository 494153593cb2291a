// Merges what the members of a gang noted of their files into one list for the gang. Pure.
import type { FileNote, MemberId } from '@stillpoint/protocol';
import { type FileProblem, fileProblem } from './problems.ts';

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

export interface MergedFiles {
  /** Sorted by path; private files are not in it, they are saved with their member. */
  readonly files: readonly GangFile[];
  /** Files that were changed under the cut, or are not one file: the vote fails. */
  readonly problems: readonly FileProblem[];
}

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
  const problems: FileProblem[] = [];
  for (const [path, noted] of [...byPath].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const notes = noted.map((each) => each.note);
    const merged = mergeOne(path, notes);
    if ('kind' in merged) problems.push(merged);
    else files.push({ ...merged, members: noted.map((each) => each.member) });
  }
  return { files, problems };
}

function mergeOne(path: string, notes: readonly FileNote[]): Omit<GangFile, 'members'> | FileProblem {
  const [first] = notes;
  if (first === undefined) throw new Error(`no note of ${path}`);
  const { inode, device, modifiedMs } = first;
  const writers = notes.filter((note) => note.writable);
  const largest = (from: readonly FileNote[]): number => Math.max(...from.map((note) => note.sizeBytes));
  const common = { path, inode, device, modifiedMs };
  if (writers.length === 0) return { ...common, sizeBytes: largest(notes), writable: false, append: false };
  if (notes.some((note) => note.inode !== inode || note.device !== device))
    return fileProblem(path, 'ambiguous');
  const sizeBytes = largest(writers);
  const digests = new Set(writers.filter((note) => note.sizeBytes === sizeBytes).map((note) => note.sha256));
  const [sha256] = digests;
  if (digests.size > 1) return fileProblem(path, 'written-in-place', 'members digested different contents');
  if (sha256 === undefined) throw new Error(`${path} can be written and has no digest`);
  return { ...common, sizeBytes, writable: true, append: writers.every((note) => note.append), sha256 };
}
