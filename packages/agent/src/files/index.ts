// Files of the cut: noted and saved with a member, rolled back and forward with the gang.
export { noteFiles } from './open-files.ts';
export { type DigestCache, digestFiles } from './digest.ts';
export { compareWithNote } from './compare.ts';
export { restorePrivate, savePrivate } from './private-files.ts';
export { type SavedContent, saveContents } from './contents.ts';
export { imageSizes } from './image-sizes.ts';
export { isPrunable, type UndoRecord } from './undo-log.ts';
export { type FilePlan, planFileRollback } from './plan.ts';
export { applyFilePlan, sweepTails } from './apply.ts';
export { FileChanged } from './errors.ts';
