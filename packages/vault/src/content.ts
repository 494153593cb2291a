// The content of one file on its way into the vault and out: compressed, hashed, and in bounded memory.
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { promisify } from 'node:util';
import { constants as zlibConstants, zstdCompress, zstdDecompress } from 'node:zlib';
import { hasCode, onDisk, withFile } from './disk.ts';
import { frameBytesAfter, frameLead, frameLeadBytes } from './frames.ts';
import type { Guard } from './guard.ts';
import { vaultLimits } from './limits.ts';
import type { StoredFile } from './manifest.ts';
import { inOrder } from './side-by-side.ts';
import { SteadyWriter } from './steady-writer.ts';

export interface Compression {
  /** zstd's. */
  readonly level: number;
  /** How many chunks are compressed side by side. */
  readonly workers: number;
}

/** The stored bytes of a file are not the ones that were written, or are not there. */
export class DamagedContent extends Error {
  readonly missing: boolean;

  constructor(reason: string, { missing = false } = {}) {
    super(reason);
    this.missing = missing;
  }
}

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);
const zeroPage = Buffer.alloc(vaultLimits.pageBytes);
const newFile = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const existingFile = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Opens a file for reading; never waits at a FIFO and never follows a link. */
export async function withSource<T>(path: string, use: (handle: FileHandle) => Promise<T>): Promise<T> {
  return await withFile(path, existingFile, use);
}

/** Writes the compressed content of `source` to the new file `path`, durably. */
export async function storeContent(
  source: AsyncIterable<Buffer>,
  path: string,
  { level, workers }: Compression,
  { signal, moved }: Guard,
): Promise<Omit<StoredFile, 'name'>> {
  const plain = createHash('sha256');
  const stored = createHash('sha256');
  let [bytes, nonZeroBytes, storedBytes] = [0, 0, 0];
  // One-shot calls only: as a stream, Node's zstd takes input it has not read yet for the end if it has workers.
  const params = { [zlibConstants.ZSTD_c_compressionLevel]: level };
  const frames = inOrder(source, workers, async (chunk) => {
    plain.update(chunk);
    bytes += chunk.length;
    nonZeroBytes += countNonZero(chunk);
    return await compress(chunk, { params, chunkSize: frameBytesFor(chunk.length) });
  });
  await onDisk(path, async () => {
    await withFile(path, newFile, async (handle) => {
      const writer = new SteadyWriter(handle);
      for await (const frame of frames) {
        for (const piece of [frameLead(frame.length), frame]) {
          stored.update(piece);
          storedBytes += piece.length;
          await writer.write(piece);
        }
        signal.throwIfAborted();
        moved();
      }
      await writer.finish();
    });
  });
  return {
    bytes,
    nonZeroBytes,
    storedBytes,
    sha256: plain.digest('hex'),
    storedSha256: stored.digest('hex'),
  };
}

/**
 * Reads the stored file at `path` and hands its content to `sink`.
 *
 * @throws {DamagedContent} unless all of it, compressed and not, is as `expected`. The sink may have got a part.
 */
export async function readContent(
  path: string,
  expected: StoredFile,
  workers: number,
  { signal, moved }: Guard,
  sink: (chunk: Buffer) => Promise<void>,
): Promise<void> {
  const plain = createHash('sha256');
  const stored = createHash('sha256');
  const roomForChunk = Math.min(vaultLimits.chunkBytes, expected.bytes) + 1024;
  let bytes = 0;
  await onDisk(path, async () => {
    await withSource(path, async (handle) => {
      const { size } = await handle.stat();
      if (size !== expected.storedBytes) {
        throw new DamagedContent(`it has ${size} bytes instead of ${expected.storedBytes}`);
      }
      const frames = framesOf(handle, (piece) => stored.update(piece));
      const chunks = inOrder(frames, workers, async (frame) => {
        return await decompress(frame, { maxOutputLength: vaultLimits.chunkBytes, chunkSize: roomForChunk });
      });
      for await (const chunk of chunks) {
        bytes += chunk.length;
        if (bytes > expected.bytes) throw new DamagedContent(`it holds more than ${expected.bytes} bytes`);
        plain.update(chunk);
        await sink(chunk);
        signal.throwIfAborted();
        moved();
      }
    }).catch((error: unknown) => Promise.reject(asDamage(error)));
  });
  if (stored.digest('hex') !== expected.storedSha256) {
    throw new DamagedContent('its stored bytes fail their checksum');
  }
  if (bytes !== expected.bytes || plain.digest('hex') !== expected.sha256) {
    throw new DamagedContent('its content fails its checksum');
  }
}

/** Creates a new file and hands over what writes to it. Not synced: it can be read from the vault again. */
export async function withNewFile(
  path: string,
  use: (write: (chunk: Buffer) => Promise<void>) => Promise<void>,
): Promise<void> {
  await onDisk(path, async () => {
    await withFile(path, newFile, async (handle) => {
      await use(async (chunk) => await onDisk(path, async () => await handle.writeFile(chunk)));
    });
  });
}

/** The content of an open file in chunks that belong to the receiver: at least one, all but the last full. */
export async function* chunksOf(handle: FileHandle): AsyncGenerator<Buffer> {
  const { size } = await handle.stat();
  // A file that has grown meanwhile shows by its last chunk: it is one byte longer than it was to be.
  for (let done = 0; ;) {
    const chunk = await readFully(handle, Math.min(vaultLimits.chunkBytes, Math.max(size - done, 0) + 1));
    if (chunk.length > 0 || done === 0) yield chunk;
    done += chunk.length;
    if (chunk.length < vaultLimits.chunkBytes) return;
  }
}

async function* framesOf(handle: FileHandle, onPiece: (piece: Buffer) => void): AsyncGenerator<Buffer> {
  for (;;) {
    const lead = await readFully(handle, frameLeadBytes);
    if (lead.length === 0) return;
    const frameBytes = frameBytesAfter(lead);
    if (frameBytes === undefined) throw new DamagedContent('it has no frame where one should be');
    const frame = await readFully(handle, frameBytes);
    if (frame.length < frameBytes) throw new DamagedContent('its last frame is cut short');
    onPiece(lead);
    onPiece(frame);
    yield frame;
  }
}

/** Reads on from where the file stands: fewer bytes only at its end. */
async function readFully(handle: FileHandle, count: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafeSlow(count);
  let filled = 0;
  while (filled < count) {
    const { bytesRead } = await handle.read(buffer, filled, count - filled, null);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

/** Room for a compressed chunk, also if it grew. */
const frameBytesFor = (chunkBytes: number): number => chunkBytes + Math.ceil(chunkBytes / 128) + 1024;

function countNonZero(chunk: Buffer): number {
  let count = 0;
  for (let at = 0; at < chunk.length; at += zeroPage.length) {
    const end = Math.min(at + zeroPage.length, chunk.length);
    if (zeroPage.compare(chunk, at, end, 0, end - at) !== 0) count += end - at;
  }
  return count;
}

function asDamage(error: unknown): unknown {
  if (hasCode(error, 'ENOENT')) return new DamagedContent('it is missing', { missing: true });
  if (hasCode(error, 'ELOOP', 'ENOTDIR', 'EISDIR')) return new DamagedContent('it is no regular file');
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  // From decompression: a broken frame, one that is cut short, one that holds more than a chunk.
  const isBroken = code.startsWith('ZSTD_') || code === 'Z_BUF_ERROR' || code === 'ERR_BUFFER_TOO_LARGE';
  return isBroken ? new DamagedContent(`it can't be decompressed: ${String(error)}`) : error;
}
