// Every bound of the command line, by name.

export const limits = {
  /** How long an interrupted verb is asked about before the command ends without knowing what became of it. */
  aftermathDeadlineMs: 5_000,
  aftermathPollMs: 50,
  /** How long shell completion waits for a coordinator. */
  completionDeadlineMs: 300,
  /** How often a followed log is looked at, and how often the coordinator is asked which files make it up. */
  logPollMs: 100,
  logSegmentsPollMs: 500,
  /** Piece in which logs are read, and longest line that is held back until its end has come, in bytes. */
  logPieceBytes: 256 * 1024,
  logLineBytesMax: 64 * 1024,
  /** How often `wait` and `logs` find a coordinator again that died, before they give up. */
  reconnectsMax: 5,
  /** Shortest time between two plain progress lines of one phase that count the same thing. */
  plainProgressMs: 1_000,
  /** How often a terminal's progress line is brought up to date. */
  progressTickMs: 100,
  /** Widest drawing of a timeline, and the width where the output is no terminal, in columns. */
  timelineColumnsMax: 160,
  /** Most members of a timeline that are drawn one by one. */
  timelineMembersMax: 8,
  plainColumns: 110,
  /** Widest help, in columns. */
  helpColumnsMax: 110,
  /** Narrowest bars of a timeline and narrowest shortened column of a table, in columns. */
  barColumnsMin: 10,
  shortenedColumnsMin: 12,
  /** Longest run of one of doctor's checks. */
  doctorCheckMs: 30_000,
  /** What doctor asks for: room for a small gang's images. */
  doctorMemoryBytesMin: 1024 * 1024 * 1024,
  doctorDiskBytesMin: 1024 * 1024 * 1024,
} as const;
