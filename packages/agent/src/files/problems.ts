// What can be wrong with a file of the cut, as plain data: it travels, and becomes an error or a blocker.

// A file of the cut can't be kept, or can't be brought back: the message names it and what is wrong.
export const fileChangedCode = 'SP_FILE_CHANGED';

/**
 * `written-in-place`: content that the cut had is overwritten. `ambiguous`: one name for two files, or two contents for
 * one. `read-only`: it would have to be rolled back, and can't be written.
 */
export type FileProblemKind =
  'gone' | 'replaced' | 'shortened' | 'written-in-place' | 'ambiguous' | 'read-only';

export interface FileProblem {
  readonly path: string;
  readonly kind: FileProblemKind;
  /** One clause that names the file and says why. */
  readonly message: string;
}

const why: Readonly<Record<FileProblemKind, string>> = {
  gone: 'is gone',
  replaced: 'was replaced by another file',
  shortened: 'is shorter than it was at the cut',
  'written-in-place': 'was written in place: its content is not what the cut has',
  ambiguous: 'is not the same file for all members',
  'read-only': 'has to be rolled back to the cut, and can not be written',
};

const remedies: Readonly<Record<FileProblemKind, string>> = {
  gone: 'Put the file back, or restore with the policy that keeps changed files as they are.',
  replaced: 'Put the file of the cut back, or take checkpoints with `--files save`.',
  shortened: 'Put the file of the cut back, or take checkpoints with `--files save`.',
  'written-in-place': 'Put the file of the cut back, or take checkpoints with `--files save`.',
  ambiguous: 'Give each member a file of its own, or let all have the same.',
  'read-only': 'Make the file and its file system writable, then restore again.',
};

/** @param detail numbers that prove it, for example both sizes */
export function fileProblem(path: string, kind: FileProblemKind, detail?: string): FileProblem {
  return { path, kind, message: `${path} ${why[kind]}${detail === undefined ? '' : ` (${detail})`}` };
}

/** What the user can do about a problem, as one sentence. */
export const remedyOf = (kind: FileProblemKind): string => remedies[kind];
