// Any error as the plain data that a report carries.
import { StillpointError } from '@stillpoint/protocol';
import { errorCode, FilesNoRoom } from './files/errors.ts';

export interface PlainFailure {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  readonly retryable: boolean;
}

/** An error that is not ours is a defect, and is called one. */
export function toFailure(error: unknown): PlainFailure {
  if (error instanceof StillpointError) {
    const { code, message, remedy, retryable } = error;
    return { code, message, remedy, retryable };
  }
  if (isNoRoom(error)) return toFailure(new FilesNoRoom(error.path ?? 'a file', error));
  return {
    code: 'SP_AGENT_INTERNAL',
    message: error instanceof Error ? (error.stack ?? error.message) : String(error),
    remedy: "This is a defect of Stillpoint: please report it with the agent's log.",
    retryable: false,
  };
}

/** Any write may find a disk full. */
const isNoRoom = (error: unknown): error is NodeJS.ErrnoException =>
  ['ENOSPC', 'EDQUOT'].includes(errorCode(error) ?? '');
