// Every bound of the bus, by name.

export const busLimits = {
  /** Largest message, in bytes: a node's reports with all votes of a big gang. */
  messageBytesMax: 64 * 1024 * 1024,
  /** Most bytes that wait for a slow reader before messages to it are refused. */
  queueBytesMax: 128 * 1024 * 1024,
  /** How long a request may take unless its caller says otherwise. */
  requestDeadlineMs: 30_000,
  /** Most requests of one connection that may be unanswered at a time. */
  requestsWaitingMax: 1024,
  /** Most coordinators that may be connected to one agent. */
  connectionsMax: 16,
  /** First and longest wait before a lost connection is tried again. */
  reconnectFirstMs: 20,
  reconnectLongestMs: 1_000,
  /** How long a try to connect may take. */
  connectMs: 2_000,
} as const;
