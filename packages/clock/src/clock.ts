// The clock port: what code above its ports knows of time. The simulator puts clocks behind it that drift and jump.

export interface Clock {
  /** Milliseconds since 1970, as a calendar has it: may jump. */
  wallMs(): number;
  /** Milliseconds of a clock that nobody sets: only grows, and says nothing of the date. */
  monotonicMs(): number;
  /** Calls back once, `delayMs` from now, never before this call has returned. @returns a function that forgets it */
  after(delayMs: number, run: () => void): () => void;
}

/** The clocks of this process. */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};
