// The shape of a rule about CRIU's error messages.

/** One kind of failure. */
export interface FailureRule {
  readonly code: string;
  /** Says what happened; `$<name>` stands for a named group of the pattern. */
  readonly message: string;
  /** Matches the text of one error of the log, without time stamp and source line. */
  readonly pattern: RegExp;
  readonly remedy: string;
  /** Whether trying again without a change may help. */
  readonly retryable?: true;
  /** The message goes on with what is known of it from elsewhere. */
  readonly names?: 'halfOpen';
}
