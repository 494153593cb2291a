// The sealed documents of a vault's directory, read and checked: manifests, member records, the format file.
import type { z } from 'zod';
import { onDisk, readText, sha256Hex } from './disk.ts';
import { VaultCorruptError, VaultNewerVersionError } from './errors.ts';
import { vaultLimits } from './limits.ts';
import { unseal, type SealedFormat } from './sealed.ts';

/**
 * Reads a sealed document, or gives `undefined` if there is none.
 *
 * @throws `SP_VAULT_CORRUPT`, naming `what` it is, and `SP_VAULT_NEWER_VERSION`.
 */
export async function readDocument<Schema extends z.ZodType>(
  path: string,
  what: string,
  format: SealedFormat,
  schema: Schema,
): Promise<z.output<Schema> | undefined> {
  const text = await onDisk(path, async () => await readText(path, vaultLimits.manifestBytesMax));
  if (text === undefined) return undefined;
  const unsealed = unseal(format, text, sha256Hex);
  if (unsealed.kind === 'newer') throw new VaultNewerVersionError(path, unsealed.version, format.version);
  if (unsealed.kind === 'damaged') throw new VaultCorruptError(path, what, unsealed.reason);
  const parsed = schema.safeParse(unsealed.content);
  if (!parsed.success) throw new VaultCorruptError(path, what, 'it holds what it should not', parsed.error);
  return parsed.data;
}
