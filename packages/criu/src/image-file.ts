// The framing of CRIU's image files: magic numbers, then entries of a 32-bit length and a payload,
// then perhaps raw bytes. Pure: bytes in, bytes out.
import { CriuImageError } from './errors.ts';
import { limits } from './limits.ts';

/** Magic numbers of criu/include/magic.h, which name towns by their coordinates. */
export const magics = {
  common: 0x54564319,
  inventory: 0x58313116,
  processTree: 0x50273030,
  core: 0x55053847,
  taskIds: 0x54432030,
  descriptors: 0x56213732,
  files: 0x56303138,
  tcpStream: 0x51465506,
  remaps: 0x59133954,
} as const;

/** An image as its parts, which written one after the other are the file again, byte for byte. */
export interface ImageFile {
  readonly head: Uint8Array;
  readonly payloads: readonly Uint8Array[];
}

/** The first entry of an image that has raw bytes behind it. */
export interface ImageHead {
  readonly payload: Uint8Array;
  /** Where the raw bytes begin. */
  readonly tailOffset: number;
}

/**
 * Splits an image of entries only.
 * @param name the file's name, for errors
 * @param magic the number that this kind of image must carry
 * @throws CriuImageError when the file is no such image, or is cut short
 */
export function splitImage(name: string, magic: number, bytes: Uint8Array): ImageFile {
  const headBytes = checkMagic(name, magic, bytes);
  const payloads: Uint8Array[] = [];
  let offset = headBytes;
  while (offset < bytes.length) {
    const payload = entryAt(name, bytes, offset);
    payloads.push(payload);
    offset += lengthBytes + payload.length;
  }
  return { head: bytes.subarray(0, headBytes), payloads };
}

/**
 * Reads the first entry of an image.
 * @throws CriuImageError when the file is no such image, or is cut short within the entry
 */
export function readImageHead(name: string, magic: number, bytes: Uint8Array): ImageHead {
  const headBytes = checkMagic(name, magic, bytes);
  const payload = entryAt(name, bytes, headBytes);
  return { payload, tailOffset: headBytes + lengthBytes + payload.length };
}

/** The inverse of {@link splitImage}. */
export function joinImage(image: ImageFile): Uint8Array {
  const size = image.payloads.reduce((sum, payload) => sum + lengthBytes + payload.length, image.head.length);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  bytes.set(image.head);
  let offset = image.head.length;
  for (const payload of image.payloads) {
    view.setUint32(offset, payload.length, true);
    bytes.set(payload, offset + lengthBytes);
    offset += lengthBytes + payload.length;
  }
  return bytes;
}

const lengthBytes = 4;

/** Checks the magic numbers and returns how many bytes they take. Only the inventory lacks the common one. */
function checkMagic(name: string, magic: number, bytes: Uint8Array): number {
  const expected = magic === magics.inventory ? [magic] : [magics.common, magic];
  expected.forEach((number, index) => {
    if (uint32At(name, bytes, index * 4) !== number) {
      throw new CriuImageError('SP_CRIU_IMAGE_CORRUPT', name, `magic number ${index + 1} is wrong`);
    }
  });
  return expected.length * 4;
}

function entryAt(name: string, bytes: Uint8Array, offset: number): Uint8Array {
  const length = uint32At(name, bytes, offset);
  if (length > limits.entryBytesMax) {
    const what = `the entry at byte ${offset} claims ${length} bytes, over the limit of ${limits.entryBytesMax}`;
    throw new CriuImageError('SP_CRIU_IMAGE_TOO_LARGE', name, what);
  }
  const start = offset + lengthBytes;
  if (start + length > bytes.length) {
    const what = `cut short: the entry at byte ${offset} claims ${length} bytes, ${bytes.length - start} are left`;
    throw new CriuImageError('SP_CRIU_IMAGE_CORRUPT', name, what);
  }
  return bytes.subarray(start, start + length);
}

function uint32At(name: string, bytes: Uint8Array, offset: number): number {
  if (offset + 4 > bytes.length) {
    throw new CriuImageError('SP_CRIU_IMAGE_CORRUPT', name, `cut short at byte ${bytes.length}`);
  }
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(offset, true);
}
