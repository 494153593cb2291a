// Coded errors of CRIU: its images, its program and its failures.
import { StillpointError, type StillpointErrorOptions } from '@stillpoint/protocol';

/** What can be wrong with an image file. */
export type ImageErrorCode =
  | 'SP_CRIU_IMAGE_CORRUPT' // An image file is cut short, damaged, or of a format that is not understood.
  | 'SP_CRIU_IMAGE_MISSING' // A file that every image directory has is not there.
  | 'SP_CRIU_IMAGE_TOO_LARGE'; // An image file, or an entry in it, is larger than any that CRIU writes.

/** What can be wrong with the CRIU of a machine. */
export type ProgramErrorCode =
  | 'SP_CRIU_MISSING' // There is no CRIU where it should be.
  | 'SP_CRIU_TOO_OLD' // CRIU is older than the version that Stillpoint was checked against.
  | 'SP_CRIU_BROKEN' // CRIU does not run.
  | 'SP_CRIU_UNFIT'; // `criu check` finds the kernel or the sandbox wanting.

/** An image file is missing, cut short, damaged or larger than allowed. */
export class CriuImageError extends StillpointError {
  /** The file's name, as CRIU calls it. */
  readonly file: string;

  constructor(code: ImageErrorCode, file: string, what: string, cause?: unknown) {
    super(code, `CRIU image ${file}: ${what}`, {
      remedy: 'Restore from another copy of this epoch, or from an earlier epoch.',
      cause,
    });
    this.name = 'CriuImageError';
    this.file = file;
  }
}

/** An address map is no map between addresses of one family, or two of its entries disagree. */
export class AddressMapError extends StillpointError {
  constructor(what: string) {
    super('SP_CRIU_ADDRESS_MAP', `Address map: ${what}`, {
      remedy: 'Give each old address one new address of the same family.',
    });
    this.name = 'AddressMapError';
  }
}

/** CRIU is missing, too old, does not run, or finds the kernel wanting. */
export class CriuProgramError extends StillpointError {
  constructor(code: ProgramErrorCode, message: string, options: StillpointErrorOptions) {
    super(code, message, options);
    this.name = 'CriuProgramError';
  }
}

/** CRIU ended without success; {@link explainCriuFailure} says why. */
export class CriuFailure extends StillpointError {
  /** The last errors of CRIU's log, oldest first, without those that always stand there. */
  readonly logErrors: readonly string[];

  constructor(code: string, message: string, logErrors: readonly string[], options: StillpointErrorOptions) {
    super(code, message, options);
    this.name = 'CriuFailure';
    this.logErrors = logErrors;
  }
}
