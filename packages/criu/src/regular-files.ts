// Regular files of an image: their paths, and the size that CRIU will demand of them at a restore. Pure.
import { isFieldSet } from '@bufbuild/protobuf';
import { RegularFileSchema, type RegularFile } from './generated/images_pb.ts';

/** How a descriptor may use its file. */
export type FileAccess = 'read' | 'write' | 'read-write';

/** Whether it is a regular file, as against a directory or device that CRIU keeps in the same entries. */
export function isRegular(file: RegularFile): boolean {
  return (file.mode & modeType) === modeRegular && !file.external;
}

/**
 * The absolute path in the member's mount namespace; for a file without a name the last one it had.
 * Bytes that are no UTF-8 become U+FFFD.
 */
export function pathOf(file: RegularFile): string {
  return new TextDecoder().decode(file.name);
}

export function accessOf(file: RegularFile): FileAccess {
  switch (file.flags & openAccess) {
    case 0:
      return 'read';
    case 1:
      return 'write';
    default:
      return 'read-write';
  }
}

export function isAppending(file: RegularFile): boolean {
  return (file.flags & openAppend) !== 0;
}

/** The size that CRIU checks. There is none for files opened O_WRONLY|O_APPEND (files-reg.c, should_check_size). */
export function recordedSize(file: RegularFile): bigint | undefined {
  return isFieldSet(file, RegularFileSchema.field.size) ? file.size : undefined;
}

/**
 * Sets the size that CRIU checks, in place, where the path is in `sizes` and CRIU recorded one.
 * @returns whether it changed
 */
export function rewriteFileSize(file: RegularFile, sizes: ReadonlyMap<string, bigint>): boolean {
  const recorded = recordedSize(file);
  const size = isRegular(file) ? sizes.get(pathOf(file)) : undefined;
  if (recorded === undefined || size === undefined || size === recorded) return false;
  file.size = size;
  return true;
}

const modeType = 0o170000;
const modeRegular = 0o100000;
const openAccess = 0o3;
const openAppend = 0o2000;
