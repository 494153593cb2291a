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

/** The ledger is as large as it may become: no room is made by waiting. The transaction has not taken effect. */
export class LedgerAtLimitError extends StillpointError {
  constructor(ledger: string, bytesMax: number, remedy?: string) {
    super('SP_LEDGER_AT_LIMIT', `the ledger ${ledger} has reached its limit of ${bytesMax} bytes`, {
      remedy:
        remedy ??
        'End what runs, and go on with another state folder (STILLPOINT_HOME): a ledger is never made smaller.',
    });
    this.name = 'LedgerAtLimitError';
  }
}

/** There is no room for another record. The transaction has not taken effect. */
export class LedgerFullError extends StillpointError {
  constructor(ledger: string, reason: string, options: { remedy?: string; cause?: unknown } = {}) {
    super('SP_LEDGER_FULL', `no room for another record in the ledger ${ledger}: ${reason}`, {
      remedy: options.remedy ?? `Free space on the file system of ${ledger}, then try again.`,
      retryable: true,
      ...(options.cause === undefined ? {} : { cause: options.cause }),
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

/** The ledger does not let these credentials do that. The transaction has not taken effect. */
export class LedgerForbiddenError extends StillpointError {
  constructor(ledger: string, what: string, cause: unknown) {
    super('SP_LEDGER_FORBIDDEN', `${ledger} refuses '${what}' to these credentials`, {
      remedy:
        'Use the certificate of the right role, and see that etcd has its users and roles (set them up anew).',
      cause,
    });
    this.name = 'LedgerForbiddenError';
  }
}

/** Somebody else has written below the ledger's keys: a value there is not one of Stillpoint's. Nothing is made of it. */
export class LedgerForeignValueError extends StillpointError {
  constructor(ledger: string, key: string) {
    super('SP_LEDGER_FOREIGN_VALUE', `${ledger}: the value of ${key} is not JSON`, {
      remedy:
        'Find out who wrote it and give Stillpoint a prefix of its own; do not edit the ledger by hand.',
    });
    this.name = 'LedgerForeignValueError';
  }
}

/** A watch was away for so long that what it has missed is compacted. It has ended; nothing was missed silently. */
export class LedgerWatchBehindError extends StillpointError {
  constructor(ledger: string, prefix: string) {
    super(
      'SP_LEDGER_WATCH_BEHIND',
      `${ledger}: changes under '${prefix}' were compacted before a watch saw them`,
      {
        remedy: 'Watch again, and then list. Compact less often, or keep more (--auto-compaction-retention).',
        retryable: true,
      },
    );
    this.name = 'LedgerWatchBehindError';
  }
}

/** A leader could not renew its lease in time, or gave it back: somebody else may lead now. It must do nothing more. */
export class LeadershipLostError extends StillpointError {
  constructor(reason: string) {
    super('SP_LEADERSHIP_LOST', `this process does not lead any more: ${reason}`, {
      remedy:
        'Nothing to do: another candidate leads, or this one stands again. If it happens often, see how etcd is.',
      retryable: true,
    });
    this.name = 'LeadershipLostError';
  }
}
