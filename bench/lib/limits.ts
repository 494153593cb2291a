// Every bound of the benchmarks, by name.

export const limits = {
  pollMs: 20,
  /** How long thousands of agents may take to be heard. */
  connectMs: 60_000,
  /** How long a step of an epoch may take where all agents share one machine. */
  busStepMs: 30_000,
  /** How long the ranks may take to finish a number of steps. */
  stepsMs: 300_000,
  /** From the end of a restore to the first new step. */
  firstStepMs: 60_000,
  /** How long a gang may take to end. */
  endMs: 60_000,
  /** Longest run of a helper command, CRIU's dump or restore of one member included. */
  commandMs: 120_000,
  /** Steps that go by before something is measured: caches are warm, and the normal step time is known. */
  quietSteps: 20,
  /** Piece in which images are copied at a limited rate. */
  copyPieceBytes: 1024 * 1024,
} as const;
