// Every bound of the ledger. The ones on transactions are etcd's or lower, so that any store can keep them.

export const ledgerLimits = {
  /** Longest key, in bytes. */
  keyBytesMax: 512,
  /** Largest transaction: what one record of the file may hold, in bytes. */
  transactionBytesMax: 1024 * 1024,
  /** Most compares, puts and removals of one transaction together. */
  transactionOperationsMax: 128,
  /** How long one call may take, unless its caller says otherwise. */
  callDeadlineMs: 10_000,
  /** How long reading the whole ledger may take when it is opened. */
  openDeadlineMs: 60_000,
  /** Most calls of one process that may wait at a time. */
  callsWaitingMax: 4096,
  /** Largest file. Compaction does not exist yet. */
  fileBytesMax: 2 * 1024 * 1024 * 1024,
  /** How much of the file is read at once, in bytes. */
  readChunkBytes: 1024 * 1024,
  /** How late a watch may be when the kernel's notice does not come. */
  watchPollMs: 500,
} as const;
