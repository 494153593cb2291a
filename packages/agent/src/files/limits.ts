// Every bound of the files of the cut, by name.
export const fileLimits = {
  /** Longest wait for the open files of one member to be noted; the member is frozen meanwhile. */
  noteMs: 3_000,
  /** Longest run of the digests, or of the copies, of one member's files. */
  digestMs: 120_000,
  /** Longest run of tar over a sandbox's private files, saving and restoring. */
  privateFilesMs: 120_000,
  /** Most files that are read or looked at at the same time. */
  concurrencyMax: 4,
  /** Bytes read or written at once. */
  chunkBytes: 1024 * 1024,
  /** Most files that one error names. */
  namedFilesMax: 5,
} as const;
