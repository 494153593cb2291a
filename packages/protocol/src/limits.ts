// Every bound of the protocol, with its default. Units stand last in a name.

/** Bounds of an epoch on the coordinator's side. */
export interface GangEpochLimits {
  readonly preflightDeadlineMs: number;
  readonly freezeDeadlineMs: number;
  /** How long packets and queues drain between the last freeze and the first hold. */
  readonly drainMs: number;
  readonly holdDeadlineMs: number;
  /** From the order to dump until the last member has noted its files. */
  readonly noteDeadlineMs: number;
  readonly dumpDeadlineMs: number;
  readonly releaseDeadlineMs: number;
  /** How long the ledger may be silent before the epoch is left to whoever can reach it. */
  readonly decideDeadlineMs: number;
  readonly killDeadlineMs: number;
  /** An abort waits for dumps that cannot be interrupted: longer than `dumpDeadlineMs`. */
  readonly abortDeadlineMs: number;
  /** Both looks for half-dead connections and their destruction, together. */
  readonly settleDeadlineMs: number;
  /** Between the two looks for half-dead connections. */
  readonly surveyGapMs: number;
  readonly persistDeadlineMs: number;
  readonly manifestDeadlineMs: number;
  readonly manifestAttemptsMax: number;
  readonly forgetDeadlineMs: number;
  /** An agent that hears nothing for this long gives its members up to themselves. */
  readonly deadManMs: number;
}

export const gangEpochLimits: GangEpochLimits = {
  preflightDeadlineMs: 10_000,
  freezeDeadlineMs: 2_000,
  drainMs: 5,
  holdDeadlineMs: 2_000,
  noteDeadlineMs: 10_000,
  dumpDeadlineMs: 120_000,
  releaseDeadlineMs: 10_000,
  decideDeadlineMs: 30_000,
  killDeadlineMs: 30_000,
  abortDeadlineMs: 150_000,
  settleDeadlineMs: 5_000,
  surveyGapMs: 200,
  persistDeadlineMs: 1_800_000,
  manifestDeadlineMs: 30_000,
  manifestAttemptsMax: 3,
  forgetDeadlineMs: 5_000,
  deadManMs: 15_000,
};

/** Bounds of an epoch on an agent's side, for one member. */
export interface MemberEpochLimits {
  /** Between attempts at a release or a kill that failed. */
  readonly stepRetryMs: number;
  /** How often a member in doubt tries to write `abort` while the ledger is silent. */
  readonly doubtRetryMs: number;
  readonly persistAttemptsMax: number;
}

export const memberEpochLimits: MemberEpochLimits = {
  stepRetryMs: 2_000,
  doubtRetryMs: 2_000,
  persistAttemptsMax: 3,
};

/** How often the driver of a machine sends it `Tick`. */
export const tickMs = 500;

/** Bounds of a restore attempt on the coordinator's side. */
export interface RestoreLimits {
  readonly preflightDeadlineMs: number;
  readonly openDeadlineMs: number;
  /** Fetching and verifying images: as much time as a slow store may need. */
  readonly prepareDeadlineMs: number;
  readonly restoreDeadlineMs: number;
  /** How long the ledger may be silent before the attempt is left to whoever can reach it. */
  readonly decideDeadlineMs: number;
  readonly liftDeadlineMs: number;
  readonly verifyDeadlineMs: number;
  /** An abandonment waits for restores that cannot be interrupted: longer than `restoreDeadlineMs`. */
  readonly abandonDeadlineMs: number;
  readonly endDeadlineMs: number;
  /** An agent that hears nothing for this long gives its part of the attempt up. */
  readonly deadManMs: number;
}

export const restoreLimits: RestoreLimits = {
  preflightDeadlineMs: 20_000,
  openDeadlineMs: 30_000,
  prepareDeadlineMs: 1_800_000,
  restoreDeadlineMs: 120_000,
  decideDeadlineMs: 30_000,
  liftDeadlineMs: 10_000,
  verifyDeadlineMs: 10_000,
  abandonDeadlineMs: 150_000,
  endDeadlineMs: 30_000,
  deadManMs: 15_000,
};

/** Bounds of a restore attempt on an agent's side, for one member. */
export type MemberRestoreLimits = Pick<MemberEpochLimits, 'stepRetryMs' | 'doubtRetryMs'>;

export const memberRestoreLimits: MemberRestoreLimits = { stepRetryMs: 2_000, doubtRetryMs: 2_000 };
