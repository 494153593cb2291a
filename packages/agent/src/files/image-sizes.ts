// The sizes that CRIU is to demand of a gang's files at a restore, once they have been brought to the epoch.
import { type FilesPolicy, type MemberFiles, mergeNotes } from '@stillpoint/protocol';
import { stateOf } from './compare.ts';

/**
 * A file whose content belongs to the cut has the cut's size: if somebody has written to it since it was rolled back,
 * the restore fails. What is only read may have grown; under the policy `keep`, every file counts as it is.
 */
export async function imageSizes(
  votes: readonly MemberFiles[],
  policy: FilesPolicy,
): Promise<Map<string, bigint>> {
  const sizes = new Map<string, bigint>();
  const { files, conflicts } = mergeNotes(votes);
  for (const { path, sizeBytes, sha256 } of files) {
    const isOfTheCut = sha256 !== undefined && policy !== 'keep';
    const size = isOfTheCut ? sizeBytes : (await stateOf(path))?.size;
    if (size !== undefined) sizes.set(path, BigInt(size));
  }
  // there are some only under `keep`
  for (const { path } of conflicts) {
    const state = await stateOf(path);
    if (state !== undefined) sizes.set(path, BigInt(state.size));
  }
  return sizes;
}
