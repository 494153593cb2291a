// The manifest: the root object of a published epoch, and the list of one member's files. Pure.
import { z } from 'zod';
import { vaultLimits } from './limits.ts';
import { isEpoch, isFileName, isGangName, isMemberName } from './names.ts';
import type { SealedFormat } from './sealed.ts';

export type JsonValue =
  string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

export const manifestFormat = { format: 'stillpoint-manifest', version: 1 } as const satisfies SealedFormat;
export const memberFormat = { format: 'stillpoint-member', version: 1 } as const satisfies SealedFormat;

const byteCount = z.int().nonnegative();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const opaque = z.custom<JsonValue>(isJson, 'not JSON');

const storedFileSchema = z.strictObject({
  /** Relative to the member's folder. */
  name: z.string().refine(isFileName, 'not a file name'),
  bytes: byteCount,
  /** Bytes in pages that are not all zero. */
  nonZeroBytes: byteCount,
  /** Bytes after compression. */
  storedBytes: byteCount,
  /** Of the content. */
  sha256,
  /** Of the bytes after compression. */
  storedSha256: sha256,
});
export type StoredFile = Readonly<z.infer<typeof storedFileSchema>>;

/** The files of a member: no name twice, and none that would have to be a file and a folder. */
export const storedFilesSchema = z
  .array(storedFileSchema)
  .max(vaultLimits.filesPerMemberMax)
  .refine((files) => canStandTogether(files.map((file) => file.name)), 'names that can not stand together');

const manifestMemberSchema = z.strictObject({
  member: z.string().refine(isMemberName, 'not a member name'),
  files: storedFilesSchema,
  /** The writer's own, for this member. */
  meta: opaque,
});
export type ManifestMember = Readonly<z.infer<typeof manifestMemberSchema>>;

export const manifestSchema = z.strictObject({
  gang: z.string().refine(isGangName, 'not a gang name'),
  epoch: z.number().refine(isEpoch, 'not an epoch'),
  incarnation: z.int().nonnegative(),
  createdAt: z.iso.datetime(),
  outcome: z.enum(['resume', 'stop']),
  /** The writer's own, for the gang. */
  meta: opaque,
  members: z
    .array(manifestMemberSchema)
    .max(vaultLimits.membersMax)
    .refine((members) => allDiffer(members.map(({ member }) => member)), 'a member twice'),
});
export type Manifest = Readonly<z.infer<typeof manifestSchema>>;

const allDiffer = (texts: readonly string[]): boolean => new Set(texts).size === texts.length;

function canStandTogether(names: readonly string[]): boolean {
  const all = new Set(names);
  const parentsOf = (name: string): string[] => {
    const segments = name.split('/');
    return segments.slice(1).map((_, index) => segments.slice(0, index + 1).join('/'));
  };
  return (
    all.size === names.length && names.every((each) => parentsOf(each).every((parent) => !all.has(parent)))
  );
}

/** Whether JSON keeps it as it is. */
function isJson(value: unknown): boolean {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true;
  if (typeof value === 'number') return Number.isFinite(value);
  if (Array.isArray(value)) return value.every(isJson);
  if (typeof value !== 'object') return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return (prototype === Object.prototype || prototype === null) && Object.values(value).every(isJson);
}
