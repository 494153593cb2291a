// Writes a file and keeps its disk at work meanwhile, so that the sync at the end is short.
import type { FileHandle } from 'node:fs/promises';
import { vaultLimits } from './limits.ts';

export class SteadyWriter {
  readonly #handle: FileHandle;
  #bytesUnsynced = 0;
  #syncing: Promise<void> = Promise.resolve();

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  async write(piece: Uint8Array): Promise<void> {
    await this.#handle.writeFile(piece);
    this.#bytesUnsynced += piece.length;
    if (this.#bytesUnsynced < vaultLimits.syncEveryBytes) return;
    await this.#syncing;
    this.#bytesUnsynced = 0;
    this.#syncing = this.#handle.datasync();
    this.#syncing.catch(() => {}); // heard of at the next sync
  }

  /** Ends when everything is durable. */
  async finish(): Promise<void> {
    await this.#syncing;
    await this.#handle.sync();
  }
}
