// The coordinator's coded errors.
import { type Blocker, type Failure, StillpointError } from '@stillpoint/protocol';
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

/** The coordinator has ended, but did not remove all that it had on this machine. */
export class ShutdownIncomplete extends StillpointError {
  constructor(runtime: string) {
    super('SP_SHUTDOWN_INCOMPLETE', `the coordinator has ended, and ${runtime} is still there`, {
      remedy:
        'The end of coordinator.log tells what could not be removed. Then run `stillpoint shutdown` again.',
      retryable: true,
    });
    this.name = 'ShutdownIncomplete';
  }
}

/** This coordinator stands by: another one leads. */
export class NotLeader extends StillpointError {
  constructor(own: string, leader: string | undefined) {
    const isLed = leader !== undefined && leader !== own;
    const detail = isLed ? `${leader} leads` : 'nobody leads at this moment';
    super('SP_NOT_LEADER', `the coordinator ${own} stands by: ${detail}`, {
      remedy: isLed ? `Run the command on ${leader}.` : 'Run the command again in a few seconds.',
      retryable: !isLed,
    });
    this.name = 'NotLeader';
  }
}

/** The state folder belongs to services, and none of them answers: no coordinator of another kind is started beside them. */
export class ServiceNotRunning extends StillpointError {
  constructor(home: string) {
    super(
      'SP_SERVICE_NOT_RUNNING',
      `${home} is served by \`stillpoint serve\` or \`agent\`, and no coordinator answers here`,
      {
        remedy:
          'Run the command where a coordinator runs, or start one (`systemctl start stillpoint-coordinator`). Set STILLPOINT_HOME to use another state folder.',
      },
    );
    this.name = 'ServiceNotRunning';
  }
}

/** A service is ended by whoever started it. */
export class ServiceManaged extends StillpointError {
  constructor() {
    super('SP_SERVICE_MANAGED', 'this coordinator is a service: it is not ended by a command', {
      remedy: 'Stop the service (`systemctl stop stillpoint-coordinator`); gangs run on meanwhile.',
    });
    this.name = 'ServiceManaged';
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

/** The state folder can't be made, read or written. */
export class HomeUnusable extends StillpointError {
  constructor(home: string, detail: string, cause?: unknown) {
    super('SP_HOME_UNUSABLE', `the state folder ${home} can't be used: ${detail}`, {
      remedy: 'Run as root, or set STILLPOINT_HOME to another folder, on a disk that can be written to.',
      cause,
    });
    this.name = 'HomeUnusable';
  }
}

/** The ledger is gone, but not what it spoke of. No other is made beside that, and nothing is touched. */
export class LedgerMissing extends StillpointError {
  constructor(ledger: string, witness: string, home: string) {
    super('SP_LEDGER_MISSING', `the ledger ${ledger} is gone, and ${witness} holds what it knew of`, {
      remedy: `Put it back from a copy; or move ${home} away and begin anew: gangs that still run are ended then.`,
    });
    this.name = 'LedgerMissing';
  }
}

/** The state folder was written by a newer version. It is left untouched. */
export class HomeNewerVersion extends StillpointError {
  constructor(home: string, version: number, known: number) {
    super(
      'SP_HOME_NEWER_VERSION',
      `the state folder ${home} has layout version ${version}; this program knows up to ${known}`,
      { remedy: 'Use the newer Stillpoint that wrote it, or set STILLPOINT_HOME to another folder.' },
    );
    this.name = 'HomeNewerVersion';
  }
}

/** The coordinator did not come up. */
export class CoordinatorStartFailed extends StillpointError {
  constructor(detail: string, log: string) {
    super('SP_COORDINATOR_START_FAILED', `the coordinator did not start: ${detail}`, {
      remedy: `Look at the end of ${log}, then run the command again.`,
      retryable: true,
    });
    this.name = 'CoordinatorStartFailed';
  }
}

/** A request that its schema refuses. */
export class InvalidRequest extends StillpointError {
  constructor(detail: string) {
    super('SP_INVALID_REQUEST', `the request is not understood: ${detail}`, {
      remedy: 'Correct what the message names; `stillpoint VERB --help` shows what is possible.',
    });
    this.name = 'InvalidRequest';
  }
}

/** Whoever asked has hung up: what was not decided is given up. */
export class CallerGone extends StillpointError {
  constructor() {
    super('SP_CALLER_GONE', 'the caller has hung up', { remedy: 'Ask again.', retryable: true });
    this.name = 'CallerGone';
  }
}

/** An epoch or an attempt was given up; the protocol's failure says why. */
export class GaveUp extends StillpointError {
  readonly blockers: readonly Blocker[];

  /** @param subject what was given up, as the beginning of a sentence */
  constructor(subject: string, failure: Failure) {
    super(failure.code, `${subject}: ${failure.message}`, {
      remedy: failure.remedy,
      retryable: failure.retryable,
    });
    this.name = 'GaveUp';
    this.blockers = failure.blockers ?? [];
  }
}

/** Another verb has ended this one. */
export class Interrupted extends StillpointError {
  constructor(verb: string, by: string) {
    super('SP_INTERRUPTED', `${verb} was given up: ${by}`, {
      remedy: 'Ask again if you still want it.',
      retryable: true,
    });
    this.name = 'Interrupted';
  }
}

/** Another coordinator leads now: this one changes nothing any more, and ends. */
export class LeaderLost extends StillpointError {
  constructor(fence: number) {
    super('SP_LEADER_LOST', `another coordinator has taken the lead (this one had fence ${fence})`, {
      remedy: 'Run the command again: the new one answers.',
      retryable: true,
    });
    this.name = 'LeaderLost';
  }
}

/** The ledger does not hold what it must hold. */
export class StoreUnexpected extends StillpointError {
  constructor(what: string, detail: string) {
    super('SP_STORE_UNEXPECTED', `the coordinator could not ${what}: ${detail}`, {
      remedy: 'Look at coordinator.log; if somebody changed the ledger by hand, restore it from a copy.',
    });
    this.name = 'StoreUnexpected';
  }
}

/** The vault holds another epoch under the number of one that is to be published. It is left as it is. */
export class EpochNumberTaken extends StillpointError {
  constructor(
    gang: string,
    epoch: number,
    found: { readonly incarnation: number; readonly createdAt: string },
  ) {
    const other = `another one is there, of incarnation ${found.incarnation}, from ${found.createdAt}`;
    super('SP_EPOCH_NUMBER_TAKEN', `epoch ${epoch} of ${gang} is not in the vault: ${other}`, {
      remedy:
        'Take a checkpoint again: it gets the next number. If the ledger was put back from an older copy, or the ' +
        'vault is of another state folder, put them right first.',
    });
    this.name = 'EpochNumberTaken';
  }
}

/** The coordinator ends while the verb is under way: its successor finishes or gives up what it finds. */
export class CoordinatorEnds extends StillpointError {
  constructor() {
    super('SP_COORDINATOR_ENDS', 'the coordinator ends while this is under way', {
      remedy: 'Run `stillpoint show` on the gang: a new coordinator finishes or gives up what it finds.',
      retryable: true,
    });
    this.name = 'CoordinatorEnds';
  }
}
