// Reads published members back into a folder, and verifies what an epoch holds without writing it anywhere.
import { lstat, mkdir, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { DamagedContent, readContent, withNewFile } from './content.ts';
import { hasCode, onDisk } from './disk.ts';
import { VaultCorruptError, VaultTargetError } from './errors.ts';
import type { Guard } from './guard.ts';
import { memberRecordIn, readFileIn, storedFileIn, type Layout } from './layout.ts';
import type { Manifest, ManifestMember, StoredFile } from './manifest.ts';
import { readMemberRecord } from './member-writer.ts';
import type { EpochName, ProgressCallback, VaultProblem } from './vault.ts';

/** Writes a member's files to the folder `to`, which is left as it was if anything is wrong. */
export async function readMember(
  layout: Layout,
  { gang, epoch }: EpochName,
  { member, files }: ManifestMember,
  to: string,
  workers: number,
  onProgress: ProgressCallback | undefined,
  guard: Guard,
): Promise<void> {
  const memberFolder = layout.member(gang, epoch, member);
  const report = progressOf(files, onProgress);
  const wasMade = await prepareTarget(to);
  try {
    for (const file of files) {
      guard.signal.throwIfAborted();
      const target = readFileIn(to, file.name);
      await onDisk(target, async () => await mkdir(dirname(target), { recursive: true, mode: 0o700 }));
      const stored = storedFileIn(memberFolder, file.name);
      await withNewFile(target, async (write) => {
        await readContent(stored, file, workers, guard, async (chunk) => {
          await write(chunk);
          report(chunk.length);
        });
      }).catch((error: unknown) => {
        if (!(error instanceof DamagedContent)) throw error;
        throw new VaultCorruptError(stored, nameOf(file.name, member, { gang, epoch }), error.message, error);
      });
    }
  } catch (error) {
    await emptyTarget(to, wasMade);
    throw error;
  }
}

/** What is wrong with the members of an epoch. */
export async function verifyMembers(
  layout: Layout,
  { gang, epoch, members }: Manifest,
  workers: number,
  onProgress: ProgressCallback | undefined,
  guard: Guard,
): Promise<readonly VaultProblem[]> {
  const report = progressOf(
    members.flatMap(({ files }) => files),
    onProgress,
  );
  const problems: VaultProblem[] = [];
  for (const { member, files } of members) {
    const memberFolder = layout.member(gang, epoch, member);
    const recordProblem = await verifyRecord(memberFolder, files, member, { gang, epoch });
    if (recordProblem !== undefined) problems.push(recordProblem);
    for (const file of files) {
      guard.signal.throwIfAborted();
      try {
        await readContent(storedFileIn(memberFolder, file.name), file, workers, guard, async (chunk) => {
          report(chunk.length);
        });
      } catch (error) {
        if (!(error instanceof DamagedContent)) throw error;
        problems.push({
          kind: error.missing ? 'missing' : 'damaged',
          member,
          file: file.name,
          message: `${nameOf(file.name, member, { gang, epoch })}: ${error.message}`,
        });
      }
    }
  }
  return problems;
}

async function verifyRecord(
  memberFolder: string,
  files: readonly StoredFile[],
  member: string,
  { gang, epoch }: EpochName,
): Promise<VaultProblem | undefined> {
  const problem = (kind: 'missing' | 'damaged', reason: string): VaultProblem => ({
    kind,
    member,
    message: `${memberRecordIn(memberFolder)}, the list of member ${member}’s files in epoch ${epoch} of gang ${gang}: ${reason}`,
  });
  try {
    const record = await readMemberRecord(memberFolder, { gang, epoch, member });
    if (record === undefined) return problem('missing', 'it is missing');
    return isDeepStrictEqual(record.files, files)
      ? undefined
      : problem('damaged', 'the manifest has another');
  } catch (error) {
    if (error instanceof VaultCorruptError) return problem('damaged', error.message);
    throw error;
  }
}

const nameOf = (file: string, member: string, { gang, epoch }: EpochName): string =>
  `file ${file} of member ${member} in epoch ${epoch} of gang ${gang}`;

function progressOf(
  files: readonly StoredFile[],
  onProgress: ProgressCallback | undefined,
): (count: number) => void {
  const bytesTotal = files.reduce((sum, { bytes }) => sum + bytes, 0);
  let bytesDone = 0;
  return (count) => {
    bytesDone += count;
    onProgress?.({ bytesDone, bytesTotal });
  };
}

/** Makes sure that there is an empty folder. Gives whether it had to be made. */
async function prepareTarget(to: string): Promise<boolean> {
  try {
    const found = await lstat(to).catch((error: unknown) => {
      if (hasCode(error, 'ENOENT')) return undefined;
      throw error;
    });
    if (found === undefined) {
      await mkdir(to, { mode: 0o700 });
      return true;
    }
    if (!found.isDirectory()) throw new VaultTargetError(to, 'it is not a folder');
    if ((await readdir(to)).length > 0) throw new VaultTargetError(to, 'it is not empty');
    return false;
  } catch (error) {
    if (error instanceof VaultTargetError) throw error;
    throw new VaultTargetError(to, String(error), error);
  }
}

async function emptyTarget(to: string, wasMade: boolean): Promise<void> {
  if (wasMade) await rm(to, { recursive: true, force: true });
  else for (const entry of await readdir(to)) await rm(join(to, entry), { recursive: true, force: true });
}
