// The base of every coded error of Stillpoint. Packages list their own codes in their errors.ts.

/** What a coded error says besides its message. */
export interface StillpointErrorOptions {
  /** What the reader can do next, as one imperative sentence. */
  readonly remedy: string;
  /** Whether the same request may succeed later without a change. */
  readonly retryable?: boolean;
  readonly cause?: unknown;
}

/**
 * An expected failure with a stable code. The message names the thing that failed;
 * `remedy` says what to do. Broken invariants throw plain `Error`s instead.
 */
export class StillpointError extends Error {
  readonly code: string;
  readonly remedy: string;
  readonly retryable: boolean;

  constructor(code: string, message: string, options: StillpointErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'StillpointError';
    this.code = code;
    this.remedy = options.remedy;
    this.retryable = options.retryable ?? false;
  }
}
