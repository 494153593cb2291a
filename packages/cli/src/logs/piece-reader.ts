// Reads what was added to log files since the last look. Remembers how far it has come in each file.
import { open } from 'node:fs/promises';
import type { LogSegment } from '@stillpoint/coordinator';
import { LogUnreadable } from '../errors.ts';
import { limits } from '../limits.ts';

export class PieceReader {
  /** By path: where the next read begins. */
  readonly #positions = new Map<string, number>();

  /** Whether anything of the file was read. */
  knows(path: string): boolean {
    return this.#positions.has(path);
  }

  /**
   * New bytes of a segment, in bounded pieces, up to the end that the file has when it is reached. A piece is only
   * good until the next one is asked for.
   * @throws `SP_LOG_UNREADABLE`; a live file that is not there yet is empty
   */
  async *read(segment: LogSegment): AsyncGenerator<Uint8Array> {
    const end = segment.toBytes ?? Number.POSITIVE_INFINITY;
    let position = this.#positions.get(segment.path) ?? segment.fromBytes;
    if (position >= end) return;
    try {
      await using file = await open(segment.path, 'r');
      const buffer = Buffer.allocUnsafe(limits.logPieceBytes);
      while (position < end) {
        const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, end - position), position);
        if (bytesRead === 0) return;
        position += bytesRead;
        this.#positions.set(segment.path, position);
        yield buffer.subarray(0, bytesRead);
      }
    } catch (error) {
      const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
      if (isMissing && segment.live) return;
      throw new LogUnreadable(segment.path, error as Error);
    }
  }
}
