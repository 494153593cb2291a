// Stores one member: all files into a draft folder, durable, which then takes the member's name.
import { mkdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { chunksOf, storeContent, withSource, type Compression } from './content.ts';
import { draftIn, exists, hasCode, makeFolder, onDisk, sha256Hex, syncFolder, writeNew } from './disk.ts';
import { readDocument } from './documents.ts';
import { VaultAlreadyPublishedError, VaultAlreadyStoredError, VaultSourceError } from './errors.ts';
import type { Guard } from './guard.ts';
import { memberRecordIn, storedFileIn, type Layout } from './layout.ts';
import { memberFormat, storedFilesSchema, type StoredFile } from './manifest.ts';
import { seal } from './sealed.ts';
import { stagedFiles, type StagedFile } from './staging.ts';
import type { StoredMember, WriteMember } from './vault.ts';

const memberRecordSchema = z.strictObject({ files: storedFilesSchema });

export async function writeMember(
  layout: Layout,
  compression: Compression,
  request: WriteMember,
  guard: Guard,
): Promise<StoredMember> {
  const { gang, epoch, member } = request;
  const epochFolder = layout.epoch(gang, epoch);
  const memberFolder = layout.member(gang, epoch, member);
  const manifest = layout.manifest(gang, epoch);
  if (await onDisk(manifest, async () => await exists(manifest))) {
    throw new VaultAlreadyPublishedError(gang, epoch);
  }
  const staged = await stagedFiles(request.from, request.files);
  const before = await readMemberRecord(memberFolder, request);
  if (before !== undefined) return sameOrRefused(before, staged, request);

  const draft = draftIn(epochFolder);
  try {
    await onDisk(draft, async () => {
      await makeFolder(epochFolder);
      await mkdir(draft, { mode: 0o700 });
    });
    const files = await storeAll(draft, staged, compression, request, guard);
    const record = memberRecordIn(draft);
    await onDisk(record, async () => {
      await writeNew(record, seal(memberFormat, { files }, sha256Hex));
      await syncFolder(draft);
    });
    guard.signal.throwIfAborted();
    const isFirst = await onDisk(memberFolder, async () => await takeName(draft, memberFolder));
    if (isFirst) return { files };
  } finally {
    await onDisk(draft, async () => await rm(draft, { recursive: true, force: true }));
  }
  // Another writer of the same member was faster.
  const winner = await readMemberRecord(memberFolder, request);
  if (winner === undefined) throw new VaultAlreadyStoredError(gang, epoch, member);
  return sameOrRefused(winner, staged, request);
}

/**
 * What a member's folder holds, or `undefined` if it is not stored.
 *
 * @throws `SP_VAULT_CORRUPT`.
 */
export async function readMemberRecord(
  memberFolder: string,
  { gang, epoch, member }: { gang: string; epoch: number; member: string },
): Promise<StoredMember | undefined> {
  const what = `the list of member ${member}’s files in epoch ${epoch} of gang ${gang}`;
  return await readDocument(memberRecordIn(memberFolder), what, memberFormat, memberRecordSchema);
}

async function storeAll(
  draft: string,
  staged: readonly StagedFile[],
  compression: Compression,
  { onProgress }: WriteMember,
  guard: Guard,
): Promise<StoredFile[]> {
  const bytesTotal = staged.reduce((sum, { bytes }) => sum + bytes, 0);
  let bytesDone = 0;
  const report = (count: number): void => {
    bytesDone += count;
    onProgress?.({ bytesDone, bytesTotal });
  };
  const files: StoredFile[] = [];
  const folders = new Set<string>();
  for (const file of staged) {
    guard.signal.throwIfAborted();
    const path = storedFileIn(draft, file.name);
    await onDisk(path, async () => await mkdir(dirname(path), { recursive: true, mode: 0o700 }));
    for (let folder = dirname(path); folder !== draft; folder = dirname(folder)) folders.add(folder);
    files.push(await storeFile(file, path, compression, guard, report));
    guard.moved();
  }
  for (const folder of folders) await onDisk(folder, async () => await syncFolder(folder));
  return files;
}

async function storeFile(
  file: StagedFile,
  path: string,
  compression: Compression,
  guard: Guard,
  report: (count: number) => void,
): Promise<StoredFile> {
  const asSource = (error: unknown): Error => new VaultSourceError(file.path, String(error), error);
  const open = async (): Promise<Omit<StoredFile, 'name'>> =>
    await withSource(file.path, async (handle) => {
      const found = await handle.stat();
      if (!found.isFile()) throw new VaultSourceError(file.path, 'it is no regular file');
      const source = async function* reported(): AsyncGenerator<Buffer> {
        try {
          for await (const chunk of chunksOf(handle)) {
            report(chunk.length);
            yield chunk;
          }
        } catch (error) {
          throw asSource(error);
        }
      };
      return await storeContent(source(), path, compression, guard);
    });
  const content = await open().catch((error: unknown) =>
    Promise.reject(hasCode(error, 'ENOENT', 'EACCES', 'ELOOP', 'ENXIO', 'EPERM') ? asSource(error) : error),
  );
  if (content.bytes !== file.bytes) {
    throw new VaultSourceError(file.path, `it had ${file.bytes} bytes, then ${content.bytes}`);
  }
  return { name: file.name, ...content };
}

/** Whether the draft became the member's folder: not if there is one. */
async function takeName(draft: string, memberFolder: string): Promise<boolean> {
  try {
    await rename(draft, memberFolder);
  } catch (error) {
    if (hasCode(error, 'ENOTEMPTY', 'EEXIST')) return false;
    throw error;
  }
  await syncFolder(dirname(memberFolder));
  return true;
}

function sameOrRefused(
  stored: StoredMember,
  staged: readonly StagedFile[],
  { gang, epoch, member }: WriteMember,
): StoredMember {
  const isSame =
    stored.files.length === staged.length &&
    stored.files.every(({ name, bytes }, index) => {
      const file = staged[index];
      return file !== undefined && file.name === name && file.bytes === bytes;
    });
  if (!isSame) throw new VaultAlreadyStoredError(gang, epoch, member);
  return stored;
}
