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
  /** Most hooks of a gang, and how long one may take: unless it says otherwise, and at most. */
  hooksMax: 32,
  hookDeadlineMs: 5_000,
  hookDeadlineMsMax: 600_000,
  /** Largest body of a request, in bytes: the caller's environment is in it. */
  requestBytesMax: 1024 * 1024,
  /** Largest environment of a gang, in bytes as JSON: with the rest it fits into a request, and the ledger's record. */
  environmentBytesMax: 768 * 1024,
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
  /** How much of a stream may wait for a slow reader before news is left out, in bytes. */
  streamBacklogBytesMax: 1024 * 1024,
  /** How long a coordinator may take to start: it brings the nodes of its state folder up first. */
  startDeadlineMs: 60_000,
  startPollMs: 20,
  /** How often a coordinator is started anew while the one before it is about to end. */
  startAgainMs: 500,
  /** Most nodes of one state folder: their subnets are /24 of one /16. */
  nodesMax: 250,
  /** Most tries to become the leader while others do too. */
  fenceAttemptsMax: 16,
  /** Room in the ledger that a new gang or epoch leaves: what has begun can end, and be restored. */
  beginSpareBytes: 64 * 1024 * 1024,
  /** Room in the ledger that a start or restore leaves: endings, fences and kills always fit. */
  incarnationSpareBytes: 32 * 1024 * 1024,
  /** Keys that one transaction removes. */
  removalsPerTransaction: 64,
  /** How long a request to a node may take, the return of its agent included. */
  nodeRequestMs: 30_000,
  /** After this a request that is not answered is sent again: it or its answer may have been lost. */
  nodeResendMs: 5_000,
  /** How often an agent is asked what it finds: what it told unasked may have been lost. */
  nodeLookMs: 30_000,
  /** How long an agent may take to say what it finds. */
  nodeStatusMs: 10_000,
  /** How long a node may take to answer after it was added. */
  nodeUpMs: 20_000,
  /** How long a node that is to be killed may take to say that it is there: longer than its agent is silent. */
  nodeAnswerMs: 5_000,
  /** How long the start of a coordinator waits for the nodes that are there. */
  startNodesMs: 10_000,
  /** First and longest wait before an agent that is gone is started again. */
  agentRetryFirstMs: 100,
  agentRetryLongestMs: 10_000,
  /** How long the start of one member may take. */
  launchMs: 30_000,
  /** How long a gang that ends waits for its epoch to let go of its members. */
  endWaitsForEpochMs: 5_000,
  /** How long a restore waits for the end of what runs of its gang. */
  endForRestoreMs: 60_000,
  /** How long a restore may take to plan how files go back to the cut, and to bring them there. */
  rollBackMs: 1_800_000,
  /** First and longest wait before something that has to succeed is tried again. */
  retryFirstMs: 100,
  retryLongestMs: 5_000,
  /** Most epochs of one checkpoint verb: each that is aborted for a passing reason is followed by another. */
  checkpointAttemptsMax: 4,
  /** How long after its begin such a verb may begin another: one that failed slowly has stalled the gang enough. */
  checkpointRetryMs: 15_000,
  /** How long the gang runs between two of them, at least. */
  checkpointPauseMs: 250,
  /** First and longest wait before the image of a gang that was stopped to be moved is written to the vault again. */
  publishAgainFirstMs: 500,
  publishAgainLongestMs: 60_000,
  /** Shortest pause between two periodic checkpoints of a gang that are late. */
  periodicGapMs: 100,
  /** Epochs that `show` lists. */
  shownEpochs: 10,
  /** How long a coordinator that no gang needs stays. */
  idleExitMs: 15 * 60_000,
  idleCheckMs: 10_000,
  /** How long a coordinator that is asked to end waits for its epochs to let go. */
  shutdownMs: 8_000,
  /** How long a client waits for the end of a coordinator that it has shut down. */
  endDeadlineMs: 30_000,
  endPollMs: 20,
} as const;
