// The vault port: the checkpoint store. An epoch's members are written one by one and become visible together,
// when the epoch's manifest is published.
import type { Manifest, StoredFile } from './manifest.ts';

export interface EpochName {
  readonly gang: string;
  readonly epoch: number;
}

/** Bytes of content, before compression. */
export interface Progress {
  readonly bytesDone: number;
  readonly bytesTotal: number;
}
export type ProgressCallback = (progress: Progress) => void;

export interface VaultCall {
  /** Ends the call with `SP_VAULT_ABORTED`; what it wrote is removed. */
  readonly signal?: AbortSignal;
  readonly onProgress?: ProgressCallback;
}

export interface WriteMember extends EpochName, VaultCall {
  readonly member: string;
  /** The folder whose regular files are stored. */
  readonly from: string;
  /** Names below `from`; all files unless given. */
  readonly files?: readonly string[];
}

export interface StoredMember {
  /** Sorted by name. */
  readonly files: readonly StoredFile[];
}

export interface ReadMember extends EpochName, VaultCall {
  readonly member: string;
  /** Must be empty or not exist. */
  readonly to: string;
}

/** One thing that `verify` found wrong. */
export interface VaultProblem {
  readonly kind: 'manifest' | 'missing' | 'damaged';
  readonly member?: string;
  readonly file?: string;
  /** Names the thing, the epoch and what is wrong. */
  readonly message: string;
}

/**
 * Every call throws `SP_VAULT_UNAVAILABLE` (an I/O error, or no progress for too long), `SP_VAULT_INVALID` for a
 * name that is none, and `SP_VAULT_ABORTED` after its signal.
 */
export interface Vault {
  /**
   * Stores a member's files durably. Contents only: no folders without files, modes or owners. The same files
   * again (by name and size) are not written again: the answer is what was stored first.
   *
   * @throws `SP_VAULT_SOURCE`, `SP_VAULT_FULL`, `SP_VAULT_ALREADY_PUBLISHED`, `SP_VAULT_ALREADY_STORED`.
   */
  writeMember(request: WriteMember): Promise<StoredMember>;
  /**
   * Publishes an epoch, once: from then on it is listed and can be read.
   *
   * @throws `SP_VAULT_ALREADY_PUBLISHED`, `SP_VAULT_INCOMPLETE`, `SP_VAULT_FULL`.
   */
  publish(request: EpochName & { readonly manifest: Manifest }): Promise<void>;
  /** The published epochs of a gang, ascending. A gang that the vault does not know has none. */
  list(gang: string): Promise<readonly number[]>;
  /** @throws `SP_VAULT_UNKNOWN_EPOCH`, `SP_VAULT_CORRUPT`, `SP_VAULT_NEWER_VERSION`. */
  readManifest(gang: string, epoch: number): Promise<Manifest>;
  /**
   * Reads everything that a published epoch holds. No problems: it can be restored.
   *
   * @throws `SP_VAULT_UNKNOWN_EPOCH`, `SP_VAULT_NEWER_VERSION`.
   */
  verify(gang: string, epoch: number, call?: VaultCall): Promise<readonly VaultProblem[]>;
  /**
   * Reads a member's files back and verifies each. If anything is wrong what was written is removed again.
   *
   * @throws `SP_VAULT_CORRUPT` naming file and epoch, `SP_VAULT_UNKNOWN_EPOCH`, `SP_VAULT_UNKNOWN_MEMBER`,
   *   `SP_VAULT_TARGET`, `SP_VAULT_FULL`.
   */
  readMember(request: ReadMember): Promise<void>;
  /**
   * Removes an epoch, published or not: first its manifest, then its data.
   *
   * @throws `SP_VAULT_UNKNOWN_EPOCH`.
   */
  remove(gang: string, epoch: number): Promise<void>;
  /**
   * Removes what was left behind by writers and removals that did not end. Epochs in flight are left alone.
   *
   * @returns the unpublished epochs that were removed.
   */
  sweep(request: { readonly inFlight: readonly EpochName[] }): Promise<readonly EpochName[]>;
  /** Room for more, in bytes. */
  freeBytes(): Promise<number>;
}
