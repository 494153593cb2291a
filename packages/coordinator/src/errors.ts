// The coordinator's coded errors.
import { StillpointError } from '@stillpoint/protocol';
import type { ErrorLine } from './api.ts';

/** A coded error that the coordinator answered with; on the client's side only. */
export class ApiError extends StillpointError {
  readonly blockers: NonNullable<ErrorLine['blockers']>;

  constructor(line: ErrorLine) {
    super(line.code, line.message, { remedy: line.remedy, retryable: line.retryable });
    this.name = 'ApiError';
    this.blockers = line.blockers ?? [];
  }
}

/** Nobody answers on the coordinator's socket. */
export class CoordinatorUnreachable extends StillpointError {
  constructor(socketPath: string, detail: string, cause?: unknown) {
    super('SP_COORDINATOR_UNREACHABLE', `no coordinator answers on ${socketPath}: ${detail}`, {
      remedy: 'Run the command again: it starts a coordinator if none is there. Gangs run on meanwhile.',
      retryable: true,
      cause,
    });
    this.name = 'CoordinatorUnreachable';
  }
}

/** The other side speaks another version of the API. */
export class UnexpectedAnswer extends StillpointError {
  constructor(detail: string, cause?: unknown) {
    super('SP_UNEXPECTED_ANSWER', `the coordinator's answer is not understood: ${detail}`, {
      remedy:
        'Client and coordinator may differ in version: end the coordinator with SIGTERM and run the command again.',
      cause,
    });
    this.name = 'UnexpectedAnswer';
  }
}

/** No node is ready to take members. */
export class NoNode extends StillpointError {
  constructor() {
    super('SP_NO_NODE', 'there is no node that members could be placed on', {
      remedy: 'Add one with `stillpoint node add NAME`, or name others with --onto.',
    });
    this.name = 'NoNode';
  }
}
