// The coded errors of the vault. What `verify` finds is a value, not an error.
import { StillpointError } from '@stillpoint/protocol';

/** A manifest, a stored file or the vault's format file is not what was written. */
export class VaultCorruptError extends StillpointError {
  readonly path: string;

  constructor(
    path: string,
    what: string,
    reason: string,
    cause?: unknown,
    remedy = 'Restore another epoch, and check the disk that holds the vault.',
  ) {
    super('SP_VAULT_CORRUPT', `${what} is damaged: ${reason} (${path})`, {
      remedy,
      ...(cause === undefined ? {} : { cause }),
    });
    this.name = 'VaultCorruptError';
    this.path = path;
  }
}

/** The vault or an epoch in it was written by a newer version of Stillpoint. It is left untouched. */
export class VaultNewerVersionError extends StillpointError {
  constructor(path: string, version: number, known: number) {
    super(
      'SP_VAULT_NEWER_VERSION',
      `${path} has format version ${version}; this program knows up to ${known}`,
      {
        remedy: 'Use the newer version of Stillpoint that wrote it, or another vault.',
      },
    );
    this.name = 'VaultNewerVersionError';
  }
}

/** No room, in the vault or in the folder that is written to. What was written so far is removed again. */
export class VaultFullError extends StillpointError {
  constructor(path: string, cause: unknown) {
    super('SP_VAULT_FULL', `no room left to write ${path}`, {
      remedy: `Free space on the file system of ${path}, or remove epochs that are not needed.`,
      retryable: true,
      cause,
    });
    this.name = 'VaultFullError';
  }
}

/** The vault's disk does not answer, or answers with an I/O error. */
export class VaultUnavailableError extends StillpointError {
  constructor(message: string, options: { remedy: string; retryable: boolean; cause?: unknown }) {
    super('SP_VAULT_UNAVAILABLE', message, options);
    this.name = 'VaultUnavailableError';
  }
}

/** The epoch is not in the vault, or was never published. */
export class VaultUnknownEpochError extends StillpointError {
  constructor(gang: string, epoch: number) {
    super('SP_VAULT_UNKNOWN_EPOCH', `the vault holds no published epoch ${epoch} of gang ${gang}`, {
      remedy: 'Choose one of the epochs that the vault lists.',
    });
    this.name = 'VaultUnknownEpochError';
  }
}

/** The epoch has no such member. */
export class VaultUnknownMemberError extends StillpointError {
  constructor(gang: string, epoch: number, member: string) {
    super('SP_VAULT_UNKNOWN_MEMBER', `epoch ${epoch} of gang ${gang} has no member ${member}`, {
      remedy: 'Ask for a member that the epoch’s manifest names.',
    });
    this.name = 'VaultUnknownMemberError';
  }
}

/** The epoch was published before. What is published is never overwritten. */
export class VaultAlreadyPublishedError extends StillpointError {
  constructor(gang: string, epoch: number) {
    super('SP_VAULT_ALREADY_PUBLISHED', `epoch ${epoch} of gang ${gang} is published already`, {
      remedy: 'Begin a new epoch.',
    });
    this.name = 'VaultAlreadyPublishedError';
  }
}

/** The member was stored in this epoch before, with other files. */
export class VaultAlreadyStoredError extends StillpointError {
  constructor(gang: string, epoch: number, member: string) {
    super(
      'SP_VAULT_ALREADY_STORED',
      `epoch ${epoch} of gang ${gang} holds other files of member ${member} already`,
      { remedy: 'Begin a new epoch.' },
    );
    this.name = 'VaultAlreadyStoredError';
  }
}

/** A manifest names files that the vault does not hold as it says. The epoch is not published. */
export class VaultIncompleteError extends StillpointError {
  constructor(gang: string, epoch: number, reason: string) {
    super('SP_VAULT_INCOMPLETE', `epoch ${epoch} of gang ${gang} can not be published: ${reason}`, {
      remedy: 'Store every member before the epoch is published; abort this one.',
    });
    this.name = 'VaultIncompleteError';
  }
}

/** A name or a manifest that the vault can't keep. */
export class VaultInvalidError extends StillpointError {
  constructor(message: string) {
    super('SP_VAULT_INVALID', message, {
      remedy: 'Correct the name: letters, digits, dots, dashes and underscores, and a letter or digit first.',
    });
    this.name = 'VaultInvalidError';
  }
}

/** The folder to be stored holds something that can't be: a link, a device, a file that changes meanwhile. */
export class VaultSourceError extends StillpointError {
  constructor(path: string, reason: string, cause?: unknown) {
    super('SP_VAULT_SOURCE', `can not store ${path}: ${reason}`, {
      remedy: `Leave only regular files under ${path}, and nobody writing to them, then begin a new epoch.`,
      ...(cause === undefined ? {} : { cause }),
    });
    this.name = 'VaultSourceError';
  }
}

/** The folder to read into can't be used: it is not empty, or can't be written. */
export class VaultTargetError extends StillpointError {
  constructor(path: string, reason: string, cause?: unknown) {
    super('SP_VAULT_TARGET', `can not read into ${path}: ${reason}`, {
      remedy: `Give a folder that is empty or does not exist instead of ${path}.`,
      ...(cause === undefined ? {} : { cause }),
    });
    this.name = 'VaultTargetError';
  }
}

/** The caller's signal ended the call. What was written so far is removed again. */
export class VaultAbortedError extends StillpointError {
  constructor(what: string, cause: unknown) {
    super('SP_VAULT_ABORTED', `${what} was aborted`, {
      remedy: 'Call again if it is still wanted.',
      retryable: true,
      cause,
    });
    this.name = 'VaultAbortedError';
  }
}
