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
  /** Most entries of one page of a listing from etcd. */
  pageEntriesMax: 128,
  /** Largest answer taken from etcd: as many of the largest entries as one page or transaction can name. */
  answerBytesMax: 130 * 1024 * 1024,
  /** How large etcd may grow, unless its operator gave it another `--quota-backend-bytes`: its own default. */
  etcdQuotaBytes: 2 * 1024 * 1024 * 1024,
  /** How long one member of etcd may take for a read before another one is asked. */
  memberAnswerMs: 1500,
  /** How long to wait before asking again when a member could not answer. */
  memberPauseMs: 50,
  /** How often a watch asks etcd how far it has come; it also shows that the member is there. */
  watchProgressMs: 2000,
  /** How long a watch waits for any word of its member before it turns to another one. */
  watchSilenceMs: 6000,
  /** How long a leader's lease lives without being renewed, in seconds: the least that etcd grants by its defaults. */
  leaseSeconds: 2,
  /** How much earlier than its lease a leader takes itself for deposed: for clocks that run at different speeds. */
  leaseMarginMs: 400,
  /** How often a leader or candidate renews its lease. */
  leaseRenewMs: 400,
  /** How long one try to renew it may take. */
  leaseAnswerMs: 400,
  /** How often a candidate looks whether it is its turn. */
  candidatePollMs: 100,
  /** How late a watch may be when the kernel's notice does not come. */
  watchPollMs: 500,
} as const;
