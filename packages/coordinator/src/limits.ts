// Every bound of the coordinator, by name.

export const limits = {
  /** Longest name of a gang: host names are `<gang>-<rank>`, and a DNS label has 63 characters. */
  gangNameLengthMax: 40,
  /** Longest name of a node. */
  nodeNameLengthMax: 24,
  /** Most members of a gang. */
  membersMax: 64,
  /** Shortest and longest time between periodic checkpoints. */
  everyMsMin: 500,
  everyMsMax: 7 * 24 * 3_600_000,
  /** Most published epochs that a gang's retention can keep. */
  keepMax: 10_000,
  /** Published epochs that are kept of a gang with periodic checkpoints, unless it says otherwise. */
  keepDefault: 5,
  /** Largest body of a request, in bytes: the caller's environment is in it. */
  requestBytesMax: 1024 * 1024,
  /** Longest progress line that a client takes, in bytes. */
  lineBytesMax: 4 * 1024 * 1024,
  /** Largest answer that a client takes, in bytes. */
  answerBytesMax: 64 * 1024 * 1024,
  /** How long a client waits for a plain answer. Streaming verbs bound themselves. */
  answerDeadlineMs: 30_000,
  /** How long a client waits between two lines of a stream: the coordinator sends a `Beat` more often. */
  streamSilenceMs: 30_000,
  /** How often a stream without news carries a `Beat`. */
  beatMs: 5_000,
} as const;
