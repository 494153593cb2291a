// Every bound of the demo, by name.

export const limits = {
  /** How often the gang is looked at, and how often the live table is drawn again. */
  pollMs: 200,
  /** From the start to the first step of every rank: Python reads PyTorch from the disk. */
  firstStepMs: 90_000,
  /** From one published epoch to the next, the interval between them included. */
  epochMs: 60_000,
  /** From the death of the node until the gang is known to have failed. */
  failureMs: 30_000,
  /** From the restore to the end of the training, beyond what the steps take at their pace. */
  endMs: 180_000,
  /** The whole run without Stillpoint. */
  referenceMs: 180_000,
  /** How long a process that was asked to end may take before it is killed. */
  terminateMs: 12_000,
  terminatePollMs: 20,
  /** Longest check of a requirement. */
  requirementMs: 30_000,
  /** What the demo asks for: three small ranks, their images in memory, and five epochs on the disk. */
  memoryBytesMin: 2.5e9,
  diskBytesMin: 1.5e9,
  /** How much of a log is read to find its first or its last step, in bytes. */
  logPartBytes: 4096,
} as const;
