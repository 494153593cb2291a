// Every bound of the vault.

export const vaultLimits = {
  /** Longest name of a gang or a member, in characters. */
  nameCharactersMax: 128,
  /** Longest part of a file's name between slashes, in bytes: a file system's 255 less what the layout adds. */
  segmentBytesMax: 250,
  /** Longest file name, in bytes. */
  fileNameBytesMax: 1024,
  /** Most files of one member. */
  filesPerMemberMax: 100_000,
  /** Most members of one gang. */
  membersMax: 10_000,
  /** Largest manifest, in bytes. */
  manifestBytesMax: 256 * 1024 * 1024,
  /** How much of a file is compressed at once, in bytes. Part of the format: readers accept no larger frame. */
  chunkBytes: 4 * 1024 * 1024,
  /** Largest compressed frame, in bytes: a chunk that grew. */
  frameBytesMax: 4 * 1024 * 1024 + 64 * 1024,
  /** How much of a file is written before the disk is set to work on it, in bytes. Twice as much is never dirty. */
  syncEveryBytes: 32 * 1024 * 1024,
  /** What counts as one page when non-zero bytes are counted. */
  pageBytes: 4096,
  /** zstd's level unless the vault is opened with another. */
  compressionLevel: 1,
  /** How many chunks are compressed or unpacked side by side unless the vault is opened with another number. */
  workers: 2,
  /** How long a call may go without any progress. A call that moves no data has this long altogether. */
  stallDeadlineMs: 120_000,
  /** How long a call that stalled or was aborted may take to clean up before it is left behind. */
  cleanUpDeadlineMs: 10_000,
} as const;
