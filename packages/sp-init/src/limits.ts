// Every bound of the client by name. The bounds of the program itself are in c/sp-init.h.
export const limits = {
  /** How long connect waits for a socket that is not there yet. */
  connectDeadlineMs: 5_000,
  connectRetryMs: 10,
  /** An answer that needs no waiting in sp-init. */
  answerDeadlineMs: 5_000,
  /** sp-init answers a drain after 2 s at the latest. */
  drainDeadlineMs: 7_000,
  /** sp-init waits 5 s for the process to become its child. */
  adoptDeadlineMs: 10_000,
  /** sp-init reaps for 5 s and drains for 2 s before it ends. */
  endDeadlineMs: 15_000,
  /** Most bytes of one line from sp-init. */
  answerBytesMax: 4_096,
} as const;
