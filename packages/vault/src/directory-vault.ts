// The vault in a directory (of a persistent volume, or a shared file system): a folder an epoch, a file a file, and
// the manifest written last.
import { statfs } from 'node:fs/promises';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { Compression } from './content.ts';
import { exists, makeFolder, onDisk, removeFile, removeTree, sha256Hex, writeOnce } from './disk.ts';
import { readDocument } from './documents.ts';
import {
  VaultAlreadyPublishedError,
  VaultCorruptError,
  VaultIncompleteError,
  VaultInvalidError,
  VaultUnknownEpochError,
  VaultUnknownMemberError,
} from './errors.ts';
import { guarded } from './guard.ts';
import { Layout } from './layout.ts';
import { vaultLimits } from './limits.ts';
import { manifestFormat, manifestSchema, type Manifest } from './manifest.ts';
import { readMember, verifyMembers } from './member-reader.ts';
import { readMemberRecord, writeMember } from './member-writer.ts';
import { seal, type SealedFormat } from './sealed.ts';
import { epochsIn, isPublished, sweep } from './sweep.ts';
import type {
  EpochName,
  ReadMember,
  StoredMember,
  Vault,
  VaultCall,
  VaultProblem,
  WriteMember,
} from './vault.ts';

const vaultFormat = { format: 'stillpoint-vault', version: 1 } as const satisfies SealedFormat;
const vaultFormatSchema = z.strictObject({});

export interface DirectoryVaultOptions {
  /** zstd's level; `vaultLimits.compressionLevel` unless given. */
  readonly compressionLevel?: number;
  /** How many chunks are compressed or unpacked side by side; `vaultLimits.workers` unless given. */
  readonly workers?: number;
}

/**
 * Opens the vault in `folder`, made if there is none. Several processes may use it at once; one at a time writes a
 * given member of a given epoch.
 *
 * @throws `SP_VAULT_CORRUPT`, `SP_VAULT_NEWER_VERSION`, `SP_VAULT_UNAVAILABLE`, `SP_VAULT_FULL`.
 */
export async function openDirectoryVault(
  folder: string,
  options: DirectoryVaultOptions = {},
): Promise<Vault> {
  const layout = new Layout(folder);
  return await guarded(`opening the vault ${folder}`, undefined, async () => {
    await onDisk(layout.root, async () => {
      await makeFolder(layout.root);
      if (!(await exists(layout.gangs))) await writeFormat(layout);
    });
    const format = await readDocument(layout.format, 'the vault’s format', vaultFormat, vaultFormatSchema);
    if (format === undefined) {
      const remedy = `Put it back from a copy, or move ${layout.gangs} away, with all epochs: a new vault is made then.`;
      throw new VaultCorruptError(
        layout.format,
        'the vault',
        'its format file is missing',
        undefined,
        remedy,
      );
    }
    return new DirectoryVault(layout, {
      level: options.compressionLevel ?? vaultLimits.compressionLevel,
      workers: options.workers ?? vaultLimits.workers,
    });
  });
}

async function writeFormat({ format }: Layout): Promise<void> {
  if (!(await exists(format))) await writeOnce(format, seal(vaultFormat, {}, sha256Hex));
}

class DirectoryVault implements Vault {
  readonly #layout: Layout;
  readonly #compression: Compression;

  constructor(layout: Layout, compression: Compression) {
    this.#layout = layout;
    this.#compression = compression;
  }

  async writeMember(request: WriteMember): Promise<StoredMember> {
    const { gang, epoch, member, signal } = request;
    return await guarded(`storing member ${member} of ${nameOf({ gang, epoch })}`, signal, async (guard) => {
      return await writeMember(this.#layout, this.#compression, request, guard);
    });
  }

  async publish({ gang, epoch, manifest }: EpochName & { readonly manifest: Manifest }): Promise<void> {
    const parsed = manifestSchema.safeParse(manifest);
    if (!parsed.success) throw new VaultInvalidError(`not a manifest: ${z.prettifyError(parsed.error)}`);
    if (manifest.gang !== gang || manifest.epoch !== epoch) {
      throw new VaultInvalidError(
        `the manifest is one of ${nameOf(manifest)}, not of ${nameOf({ gang, epoch })}`,
      );
    }
    const text = seal(manifestFormat, parsed.data, sha256Hex);
    if (Buffer.byteLength(text) > vaultLimits.manifestBytesMax) {
      throw new VaultInvalidError(`the manifest is larger than ${vaultLimits.manifestBytesMax} bytes`);
    }
    await guarded(`publishing ${nameOf({ gang, epoch })}`, undefined, async () => {
      await this.#checkStored(parsed.data);
      const path = this.#layout.manifest(gang, epoch);
      await onDisk(path, async () => {
        await makeFolder(this.#layout.epoch(gang, epoch));
        // somebody may have emptied the vault since it was opened; what is published has to be readable
        await writeFormat(this.#layout);
        if (!(await writeOnce(path, text))) throw new VaultAlreadyPublishedError(gang, epoch);
      });
    });
  }

  async list(gang: string): Promise<readonly number[]> {
    return await guarded(`listing the epochs of gang ${gang}`, undefined, async () => {
      const published: number[] = [];
      for (const epoch of await epochsIn(this.#layout, gang)) {
        if (await isPublished(this.#layout, { gang, epoch })) published.push(epoch);
      }
      return published;
    });
  }

  async readManifest(gang: string, epoch: number): Promise<Manifest> {
    return await guarded(`reading the manifest of ${nameOf({ gang, epoch })}`, undefined, async () => {
      return await this.#manifest({ gang, epoch });
    });
  }

  async verify(gang: string, epoch: number, call: VaultCall = {}): Promise<readonly VaultProblem[]> {
    return await guarded(`verifying ${nameOf({ gang, epoch })}`, call.signal, async (guard) => {
      const { workers } = this.#compression;
      try {
        const manifest = await this.#manifest({ gang, epoch });
        return await verifyMembers(this.#layout, manifest, workers, call.onProgress, guard);
      } catch (error) {
        if (error instanceof VaultCorruptError) return [{ kind: 'manifest', message: error.message }];
        throw error;
      }
    });
  }

  async readMember({ gang, epoch, member, to, signal, onProgress }: ReadMember): Promise<void> {
    const what = `reading member ${member} of ${nameOf({ gang, epoch })}`;
    await guarded(what, signal, async (guard) => {
      const { members } = await this.#manifest({ gang, epoch });
      const found = members.find((each) => each.member === member);
      if (found === undefined) throw new VaultUnknownMemberError(gang, epoch, member);
      await readMember(
        this.#layout,
        { gang, epoch },
        found,
        to,
        this.#compression.workers,
        onProgress,
        guard,
      );
    });
  }

  async remove(gang: string, epoch: number): Promise<void> {
    const folder = this.#layout.epoch(gang, epoch);
    const manifest = this.#layout.manifest(gang, epoch);
    await guarded(`removing ${nameOf({ gang, epoch })}`, undefined, async () => {
      await onDisk(folder, async () => {
        if (!(await exists(folder))) throw new VaultUnknownEpochError(gang, epoch);
        if (await exists(manifest)) await removeFile(manifest);
        await removeTree(folder);
      });
    });
  }

  async sweep({ inFlight }: { readonly inFlight: readonly EpochName[] }): Promise<readonly EpochName[]> {
    return await guarded('sweeping the vault', undefined, async (guard) => {
      return await sweep(this.#layout, inFlight, guard);
    });
  }

  async freeBytes(): Promise<number> {
    const { root } = this.#layout;
    return await guarded('asking for free space', undefined, async () => {
      const { bavail, bsize } = await onDisk(root, async () => await statfs(root));
      return bavail * bsize;
    });
  }

  async #manifest({ gang, epoch }: EpochName): Promise<Manifest> {
    const path = this.#layout.manifest(gang, epoch);
    const what = `the manifest of ${nameOf({ gang, epoch })}`;
    const manifest = await readDocument(path, what, manifestFormat, manifestSchema);
    if (manifest === undefined) throw new VaultUnknownEpochError(gang, epoch);
    if (manifest.gang !== gang || manifest.epoch !== epoch) {
      throw new VaultCorruptError(path, what, `it is the one of ${nameOf(manifest)}`);
    }
    return manifest;
  }

  /** A manifest may only name what is stored, durably and as it says. */
  async #checkStored({ gang, epoch, members }: Manifest): Promise<void> {
    for (const { member, files } of members) {
      const record = await readMemberRecord(this.#layout.member(gang, epoch, member), {
        gang,
        epoch,
        member,
      });
      if (record === undefined) throw new VaultIncompleteError(gang, epoch, `member ${member} is not stored`);
      if (!isDeepStrictEqual(record.files, files)) {
        throw new VaultIncompleteError(
          gang,
          epoch,
          `the manifest has other files of member ${member} than the vault`,
        );
      }
    }
  }
}

const nameOf = ({ gang, epoch }: EpochName): string => `epoch ${epoch} of gang ${gang}`;
