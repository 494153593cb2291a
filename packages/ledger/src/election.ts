// The port by which one of several coordinators leads. It only says who tries: what makes a leader's writes safe is the
// fence, which every one of its transactions compares. (On one machine the lock on its folder does instead.)

export interface Election {
  /**
   * Stands as a candidate until it is this one's turn, however long the store is away meanwhile. One at a time.
   *
   * @throws the signal's reason when it is aborted: then it stands no more
   */
  campaign(signal: AbortSignal): Promise<Leadership>;
  /** Lets go of the store. Resign first: otherwise the lease has to run out before another one leads. */
  close(): Promise<void>;
}

export interface Leadership {
  /** Aborted, with `SP_LEADERSHIP_LOST`, when the lease could not be renewed in time or was given back. */
  readonly lost: AbortSignal;
  /**
   * Whether nobody else can lead at this moment. By the process's own clock: right after it stood still for a while it
   * is false, though `lost` has not been told yet.
   */
  isHeld(): boolean;
  /** Gives the lease back, so that the next candidate leads at once. Never rejects: it would run out anyway. */
  resign(): Promise<void>;
}
