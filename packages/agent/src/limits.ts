// Every bound of the agent, by name.
export const limits = {
  /** Longest run of a short helper command (ip, nft, ss). */
  helperCommandMs: 10_000,
  /** Most bytes kept of a helper's output. */
  helperOutputBytesMax: 8 * 1024 * 1024,
  /** How long what a member has to say waits for others of its node that are at work. */
  reportWaitMs: 20,
  /** How often a cgroup's freezer state is read while it freezes. */
  freezePollMs: 1,
  /** Longest wait for a cgroup to freeze: shorter than the protocol's deadline, so that whoever is stuck gets named. */
  freezeMs: 1_500,
  /** Longest wait for killed processes to be gone. */
  killMs: 10_000,
  /** Longest wait for a new sandbox to answer. */
  sandboxStartMs: 10_000,
  /** How often the exit status of a running CRIU is looked for. */
  criuPollMs: 2,
  /** How long a shell that was started to run CRIU may take to say so. */
  criuStartMs: 2_000,
  /**
   * How long a member may be held, unless STILLPOINT_HOLD_BUDGET (seconds) asks for less: well under every default
   * time-out of gloo, torchrun and the kernel.
   */
  holdBudgetMs: 60_000,
  /** Share of the hold's budget in which a member's files must be read: the rest is for saying which took too long. */
  filesBudgetShare: 0.9,
  /** A dump that takes so many times the longest hold is ended: its epoch was given up long before. */
  dumpBudgets: 2,
  /** How much of what a hook prints is kept: its end. */
  hookOutputCharactersMax: 2_000,
  /** Longest wait for the turn to make a node: the tools are copied with the first. */
  makeTurnMs: 30_000,
  /** Longest wait for a new agent to answer, and how often it is asked. */
  agentStartMs: 20_000,
  agentStartPollMs: 20,
  /** Size of the staging tmpfs unless STILLPOINT_STAGING_SIZE says otherwise (tmpfs's own notation). */
  stagingSize: '50%',
  /** From a restored member's lifted hold to its first instruction: all are told to lift at once. */
  peersLiftMs: 50,
  /** Longest run of CRIU's restore of one member. */
  restoreMs: 120_000,
  /** Most open files of one member that are noted. */
  notedFilesMax: 100_000,
  /** Most nodes of one state folder: their subnets are /24 of one /16. */
  nodesMax: 250,
  /** Most members on one node. */
  membersPerNodeMax: 200,
} as const;
