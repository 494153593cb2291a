// Coded errors about the files of the cut.
import { StillpointError } from '@stillpoint/protocol';
import { limits } from '../limits.ts';
import { fileLimits } from './limits.ts';
import { type FileProblem, fileChangedCode, remedyOf } from './problems.ts';

/** Files of the cut are not what they were at the cut, and nothing that is kept of them leads back to it. */
export class FileChanged extends StillpointError {
  readonly problems: readonly FileProblem[];

  constructor(problems: readonly FileProblem[]) {
    const named = problems.slice(0, fileLimits.namedFilesMax).map((problem) => problem.message);
    const rest = problems.length - named.length;
    const first = problems[0];
    super(fileChangedCode, named.join('; ') + (rest > 0 ? `; and ${rest} more` : ''), {
      remedy: first === undefined ? 'Try again.' : remedyOf(first.kind),
    });
    this.problems = problems;
  }
}

/** A member has more files open than are noted. */
export class TooManyFiles extends StillpointError {
  constructor(found: number) {
    super(
      'SP_TOO_MANY_FILES',
      `the member has ${found} files open; ${limits.notedFilesMax} are noted at most`,
      {
        remedy: 'Let the program close files that it does not need, or split it into more members.',
      },
    );
  }
}

/** A file's name is no UTF-8: it can't be written down. */
export class FileNameNotText extends StillpointError {
  constructor(path: string, pid: number) {
    super('SP_FILE_NAME', `process ${pid} has a file open whose name is no UTF-8: ${path}`, {
      remedy: 'Rename the file.',
    });
  }
}

/** Looking at, reading or copying files took longer than it may: for example a file server that does not answer. */
export class FilesTimeout extends StillpointError {
  constructor(subject: string, waitedMs: number) {
    super('SP_FILES_TIMEOUT', `${subject} took longer than ${waitedMs} ms`, {
      remedy:
        'Look whether the file system answers; keep large files that are written in place out of the gang.',
      retryable: true,
    });
  }
}

/** A disk is full: the copy of a file, or the file itself, could not be written. */
export class FilesNoRoom extends StillpointError {
  constructor(path: string, cause?: unknown) {
    super('SP_FILES_NO_ROOM', `no room to write ${path}`, {
      remedy: 'Make room on that file system, then try again; nothing is lost.',
      retryable: true,
      cause,
    });
  }
}

/** A file of the cut could not be read or written. */
class FileFailed extends StillpointError {
  constructor(path: string, cause: unknown) {
    super('SP_FILE_FAILED', `${path}: ${cause instanceof Error ? cause.message : String(cause)}`, {
      remedy: 'Look at the file and its file system, then try again.',
      retryable: true,
      cause,
    });
  }
}

/** The sandbox's /tmp and /dev/shm could not be saved, or not be put back. */
export class PrivateFilesFailed extends StillpointError {
  constructor(subject: string, detail: string, cause?: unknown) {
    super('SP_PRIVATE_FILES_FAILED', `${subject}: ${detail}`, {
      remedy: 'The output of tar stands in the message; `stillpoint doctor` tells whether tar is there.',
      retryable: true,
      cause,
    });
  }
}

/** Turns what a file operation threw into a coded error that names the file; coded errors stay what they are. */
export function fileError(path: string, error: unknown): StillpointError {
  if (error instanceof StillpointError) return error;
  const code = errorCode(error);
  return code === 'ENOSPC' || code === 'EDQUOT' ? new FilesNoRoom(path, error) : new FileFailed(path, error);
}

/** The kernel's name of what went wrong, or undefined. */
export function errorCode(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}
