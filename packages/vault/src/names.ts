// Which names the vault keeps, so that none can lead out of it. Pure.
import { vaultLimits } from './limits.ts';

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;

/** Stands among the members' folders. */
export const manifestFileName = 'manifest.json';

/** Whether it can name a gang: one path segment that is never hidden, `.` or `..`. */
export function isGangName(name: string): boolean {
  return name.length <= vaultLimits.nameCharactersMax && namePattern.test(name);
}

/** Whether it can name a member of a gang. */
export function isMemberName(name: string): boolean {
  return isGangName(name) && name !== manifestFileName;
}

export function isEpoch(epoch: number): boolean {
  return Number.isSafeInteger(epoch) && epoch >= 0;
}

const utf8Bytes = (text: string): number => new TextEncoder().encode(text).length;

/** Whether it can name a file of a member: a relative path, in UTF-8, that stays below where it starts. */
export function isFileName(name: string): boolean {
  // U+FFFD is what bytes that are not UTF-8 are read as: such a file could not be found again by its name.
  if (!name.isWellFormed() || name.includes('\0') || name.includes('\uFFFD')) return false;
  if (utf8Bytes(name) > vaultLimits.fileNameBytesMax) return false;
  return name.split('/').every((segment) => {
    return !['', '.', '..'].includes(segment) && utf8Bytes(segment) <= vaultLimits.segmentBytesMax;
  });
}

/**
 * Where a file is kept below its member's folder: `a/b` at `a.d/b.zst`. Files end in `.zst` and folders in
 * `.d`, so that no two names meet.
 */
export function storedName(fileName: string): string {
  const segments = fileName.split('/');
  const last = segments.pop() ?? '';
  return [...segments.map((segment) => `${segment}.d`), `${last}.zst`].join('/');
}
