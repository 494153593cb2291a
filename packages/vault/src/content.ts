// The content of one file on its way into the vault and out: compressed, hashed, and in bounded memory.
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { constants as zlibConstants, createZstdCompress, createZstdDecompress } from 'node:zlib';
import { hasCode, onDisk, withFile } from './disk.ts';
import type { Guard } from './guard.ts';
import { vaultLimits } from './limits.ts';
import type { StoredFile } from './manifest.ts';

export interface Compression {
  readonly level: number;
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

const zeroPage = Buffer.alloc(vaultLimits.pageBytes);
const newFile = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
const existingFile = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Opens a regular file for reading; never waits at a FIFO and never follows a link. */
export async function withSource<T>(path: string, use: (handle: FileHandle) => Promise<T>): Promise<T> {
  return await withFile(path, existingFile, use);
}

/** Writes the compressed content of `source` to the new file `path`, durably. */
export async function storeContent(
  source: AsyncIterable<Buffer>,
  sizeHint: number,
  path: string,
  compression: Compression,
  { signal, moved }: Guard,
): Promise<Omit<StoredFile, 'name'>> {
  const plain = createHash('sha256');
  const stored = createHash('sha256');
  let [bytes, nonZeroBytes, storedBytes] = [0, 0, 0];

  await onDisk(path, async () => {
    await withFile(path, newFile, async (handle) => {
      await pipeline(
        async function* measured() {
          for await (const chunk of source) {
            plain.update(chunk);
            bytes += chunk.length;
            nonZeroBytes += countNonZero(chunk);
            moved();
            yield chunk;
          }
        },
        createZstdCompress({
          chunkSize: vaultLimits.chunkBytes,
          params: {
            [zlibConstants.ZSTD_c_compressionLevel]: compression.level,
            [zlibConstants.ZSTD_c_nbWorkers]:
              sizeHint < vaultLimits.parallelBytesMin ? 0 : compression.workers,
          },
        }),
        async (compressed: AsyncIterable<Buffer>) => {
          for await (const chunk of compressed) {
            stored.update(chunk);
            storedBytes += chunk.length;
            await handle.writeFile(chunk);
            moved();
          }
        },
        { signal },
      );
      await handle.sync();
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
 * Reads the stored file at `path` and hands its content to `sink`, if there is one.
 *
 * @throws {DamagedContent} unless all of it, compressed and not, is as `expected`. The sink may have got a part.
 */
export async function readContent(
  path: string,
  expected: StoredFile,
  { signal, moved }: Guard,
  sink: ((chunk: Buffer) => Promise<void>) | undefined,
  onBytes: (count: number) => void,
): Promise<void> {
  const plain = createHash('sha256');
  const stored = createHash('sha256');
  let [bytes, storedBytes] = [0, 0];

  await onDisk(path, async () => {
    await withSource(path, async (handle) => {
      const { size } = await handle.stat();
      if (size !== expected.storedBytes) {
        throw new DamagedContent(`it has ${size} bytes instead of ${expected.storedBytes}`);
      }
      await pipeline(
        async function* hashed() {
          for await (const chunk of chunksOf(handle)) {
            stored.update(chunk);
            storedBytes += chunk.length;
            moved();
            yield chunk;
          }
        },
        createZstdDecompress({ chunkSize: vaultLimits.chunkBytes }),
        async (content: AsyncIterable<Buffer>) => {
          for await (const chunk of content) {
            bytes += chunk.length;
            if (bytes > expected.bytes)
              throw new DamagedContent(`it holds more than ${expected.bytes} bytes`);
            plain.update(chunk);
            await sink?.(chunk);
            onBytes(chunk.length);
            moved();
          }
        },
        { signal },
      );
    }).catch((error: unknown) => Promise.reject(asDamage(error)));
  });
  if (storedBytes !== expected.storedBytes || stored.digest('hex') !== expected.storedSha256) {
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

/** The bytes of an open file from where it stands, in chunks that belong to the receiver. */
export async function* chunksOf(handle: FileHandle): AsyncGenerator<Buffer> {
  for (;;) {
    const chunk = Buffer.allocUnsafeSlow(vaultLimits.chunkBytes);
    const { bytesRead } = await handle.read(chunk, 0, chunk.length, null);
    if (bytesRead === 0) return;
    yield chunk.subarray(0, bytesRead);
  }
}

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
  const isZstd = error instanceof Error && 'code' in error && String(error.code).startsWith('ZSTD_');
  return isZstd ? new DamagedContent(`it can't be decompressed: ${error.message}`) : error;
}
