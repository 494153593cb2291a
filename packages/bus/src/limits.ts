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
  /** How often an agent says on NATS that it is there, and after which silence it is taken for lost. */
  natsBeatMs: 1_000,
  natsSilentMs: 3_500,
  /** How long an agent that starts waits whether another one serves its node. */
  natsGuardMs: 300,
  /** How long is waited before a lost connection to NATS is tried again; up to as long again is added by chance. */
  natsReconnectMs: 200,
  /** How often NATS is asked whether it is there: two questions without an answer are a lost connection. */
  natsPingMs: 2_000,
  /** How long an end that is closed waits for what it has said to be on its way. */
  natsCloseMs: 1_000,
} as const;
