// The ledger's file on disk: made once, read forward, appended to, synced. It knows records, not transactions.
import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { link, mkdir, open, stat, unlink, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { LedgerAtLimitError, LedgerCorruptError, LedgerFullError, LedgerUnavailableError } from './errors.ts';
import { ledgerLimits } from './limits.ts';
import { DamagedRecord, encodeRecord, RecordReader, takesEffect, type LedgerRecord } from './record.ts';

export class LogFile {
  readonly path: string;
  readonly #handle: FileHandle;
  readonly #identity: { readonly dev: bigint; readonly ino: bigint };
  readonly #reader = new RecordReader();
  readonly #chunk = Buffer.allocUnsafe(ledgerLimits.readChunkBytes);
  #unsynced = true;

  private constructor(path: string, handle: FileHandle, identity: { dev: bigint; ino: bigint }) {
    this.path = path;
    this.#handle = handle;
    this.#identity = identity;
  }

  /** Opens the log, made with `firstPayload` as its first record if there is none. */
  static async open(folder: string, firstPayload: string): Promise<LogFile> {
    const path = join(folder, 'ledger.log');
    try {
      await makeOnce(folder, path, encodeRecord(firstPayload));
      const handle = await open(path, constants.O_RDWR | constants.O_APPEND);
      const { dev, ino } = await handle.stat({ bigint: true });
      return new LogFile(path, handle, { dev, ino });
    } catch (error) {
      throw ioError(path, 'open', error);
    }
  }

  /**
   * Reads what was appended since the last call and hands over every complete record in it.
   *
   * @throws `SP_LEDGER_CORRUPT`, after the records before the damage were handed over.
   */
  async readForward(onRecord: (record: LedgerRecord) => void): Promise<void> {
    const size = await this.#size();
    while (this.#reader.bytesTaken < size) {
      const { bytesRead } = await this.#handle
        .read(this.#chunk, 0, this.#chunk.length, this.#reader.bytesTaken)
        .catch((error: unknown) => Promise.reject(ioError(this.path, 'read', error)));
      if (bytesRead === 0) throw this.corrupt(this.#reader.bytesTaken, 'the file became shorter');
      this.#unsynced = true;
      this.#reader.push(this.#chunk.subarray(0, bytesRead));
      this.#handOver(onRecord);
    }
  }

  /**
   * Appends one record with one write, so that no other writer's bytes come between. Not durable before `sync`.
   *
   * @param spareBytes how much room must be left for others
   * @throws `SP_LEDGER_FULL` or `SP_LEDGER_AT_LIMIT` if it did not fit: then it has no effect.
   */
  async append(record: Uint8Array, spareBytes: number): Promise<void> {
    if (this.#reader.bytesTaken + record.length + spareBytes > ledgerLimits.fileBytesMax) {
      throw new LedgerAtLimitError(this.path, ledgerLimits.fileBytesMax);
    }
    this.#unsynced = true;
    const { bytesWritten } = await this.#handle
      .write(record, 0, record.length, null)
      .catch((error: unknown) => Promise.reject(ioError(this.path, 'append to', error)));
    // The rest must not follow with a second write: another writer's record may stand there already.
    if (!takesEffect(record.length, bytesWritten)) {
      throw new LedgerFullError(this.path, `only ${bytesWritten} of ${record.length} bytes could be written`);
    }
  }

  /** Makes durable what was read or appended, whoever wrote it. */
  async sync(): Promise<void> {
    if (!this.#unsynced) return;
    await this.#handle
      .datasync()
      .catch((error: unknown) => Promise.reject(ioError(this.path, 'sync', error)));
    this.#unsynced = false;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  corrupt(offset: number, reason: string): LedgerCorruptError {
    return new LedgerCorruptError(this.path, offset, reason);
  }

  #handOver(onRecord: (record: LedgerRecord) => void): void {
    try {
      for (let record = this.#reader.next(); record !== undefined; record = this.#reader.next()) {
        onRecord(record);
      }
    } catch (error) {
      throw error instanceof DamagedRecord ? this.corrupt(error.offset, error.message) : error;
    }
  }

  async #size(): Promise<number> {
    const found = await stat(this.path, { bigint: true }).catch((error: unknown) =>
      Promise.reject(ioError(this.path, 'read', error)),
    );
    if (found.dev !== this.#identity.dev || found.ino !== this.#identity.ino) {
      throw new LedgerUnavailableError(`the ledger ${this.path} was replaced by another file`, {
        remedy:
          'Stop everything that uses this state folder, make sure which file is the right one, and start again.',
        retryable: false,
      });
    }
    const size = Number(found.size);
    if (size < this.#reader.bytesTaken) throw this.corrupt(size, 'the file became shorter');
    return size;
  }
}

/** Makes the file with its content, whole and durable, unless it exists: several processes may try at once. */
async function makeOnce(folder: string, path: string, content: Uint8Array): Promise<void> {
  const made = await mkdir(folder, { recursive: true, mode: 0o700 });
  if (made !== undefined) await syncFolder(dirname(made));
  if (!(await exists(path))) await linkNew(join(folder, `ledger.${randomUUID()}.tmp`), path, content);
  await syncFolder(folder); // also when another process made it a moment ago
}

async function linkNew(draft: string, path: string, content: Uint8Array): Promise<void> {
  const handle = await open(draft, 'wx', 0o600);
  try {
    await handle.writeFile(content);
    await handle.sync();
    await link(draft, path).catch((error: unknown) => {
      if (!hasCode(error, 'EEXIST')) throw error;
    });
  } finally {
    await handle.close();
    await unlink(draft);
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false;
    throw error;
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function ioError(path: string, verb: string, error: unknown): Error {
  if (hasCode(error, 'ENOSPC', 'EDQUOT', 'EFBIG')) {
    return new LedgerFullError(path, error.message, { cause: error });
  }
  return new LedgerUnavailableError(`could not ${verb} the ledger ${path}: ${String(error)}`, {
    remedy: `Check that ${path} exists, is writable by this user, and that its disk is well.`,
    retryable: hasCode(error, 'EMFILE', 'ENFILE', 'ENOMEM'),
    cause: error,
  });
}

function hasCode(error: unknown, ...codes: readonly string[]): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code));
}
