// Files of the cut: noted and saved with a member, rolled back and forward with the gang.
export { noteFiles, type NoteFilesOptions } from './open-files.ts';
export { type DigestCache, digestFiles, type DigestOptions } from './digest.ts';
export { compareWithNote } from './compare.ts';
export { type FileProblem, type FileProblemKind, remedyOf } from './problems.ts';
export { restorePrivate, type RestorePrivateOptions, type SavedPrivate, savePrivate, type SavePrivateOptions } from './private-files.ts'; // prettier-ignore
export { type SavedContent, type SavedContents, saveContents } from './contents.ts';
export { type GangFile, type MemberFiles, type MergedFiles, mergeNotes } from './merge.ts';
export { isPrunable, type UndoRecord } from './undo-log.ts';
export { type FileAction, type FilePlan, planFileRollback, type PlanOptions } from './plan.ts';
export { applyFilePlan, type ApplyOptions, sweepTails } from './apply.ts';
export { FileChanged, FileFailed, FileNameNotText, FilesNoRoom, FilesTimeout, PrivateFilesFailed, TooManyFiles } from './errors.ts'; // prettier-ignore
