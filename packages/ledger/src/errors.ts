// The coded errors of the ledger. Expected answers (a compare that does not hold) are values, not errors.
import { StillpointError } from '@stillpoint/protocol';

/**
 * A complete record of the ledger is damaged, or the file was cut or replaced by something else.
 * Nothing is answered from such a ledger: a decision might be missing from it.
 */
export class LedgerCorruptError extends StillpointError {
  readonly file: string;
  readonly offset: number;

  constructor(file: string, offset: number, reason: string) {
    super('SP_LEDGER_CORRUPT', `the ledger ${file} is damaged at byte ${offset}: ${reason}`, {
      remedy: `Stop everything that uses it and restore ${file} from a copy; do not edit it.`,
    });
    this.name = 'LedgerCorruptError';
    this.file = file;
    this.offset = offset;
  }
}

/**
 * The ledger could not be reached, or did not answer within the deadline. After a transaction the
 * outcome is unknown: it may have taken effect.
 */
export class LedgerUnavailableError extends StillpointError {
  constructor(message: string, options: { remedy: string; retryable: boolean; cause?: unknown }) {
    super('SP_LEDGER_UNAVAILABLE', message, options);
    this.name = 'LedgerUnavailableError';
  }
}

/** The ledger is as large as it may become: no room will ever be made. The transaction has not taken effect. */
export class LedgerAtLimitError extends StillpointError {
  constructor(file: string, bytesMax: number) {
    super('SP_LEDGER_AT_LIMIT', `the ledger ${file} has reached its limit of ${bytesMax} bytes`, {
      remedy:
        'End what runs, and go on with another state folder (STILLPOINT_HOME): a ledger is never made smaller.',
    });
    this.name = 'LedgerAtLimitError';
  }
}

/** There is no room for another record. The transaction has not taken effect. */
export class LedgerFullError extends StillpointError {
  constructor(file: string, reason: string, cause?: unknown) {
    super('SP_LEDGER_FULL', `no room for another record in the ledger ${file}: ${reason}`, {
      remedy: `Free space on the file system of ${file}, then try again.`,
      retryable: true,
      ...(cause === undefined ? {} : { cause }),
    });
    this.name = 'LedgerFullError';
  }
}

/** The ledger was written by a newer version of Stillpoint. It is left untouched. */
export class LedgerNewerVersionError extends StillpointError {
  constructor(file: string, version: number, known: number) {
    super(
      'SP_LEDGER_NEWER_VERSION',
      `the ledger ${file} has format version ${version}; this program knows up to ${known}`,
      { remedy: 'Use the newer version of Stillpoint that wrote it, or another state folder.' },
    );
    this.name = 'LedgerNewerVersionError';
  }
}

/** The caller's key, value or transaction is not one that every store can keep. */
export class LedgerInvalidError extends StillpointError {
  constructor(message: string) {
    super('SP_LEDGER_INVALID', message, {
      remedy: 'Correct the call: keys are printable ASCII, values JSON.',
    });
    this.name = 'LedgerInvalidError';
  }
}
