// The command line's coded errors.
import { StillpointError } from '@stillpoint/protocol';

/** The command line was not understood. Exit code 2. */
export class UsageError extends StillpointError {
  /** @param verb words of the verb, for its help; empty for the program itself */
  constructor(message: string, verb = '', remedy?: string) {
    const help = verb === '' ? 'stillpoint --help' : `stillpoint ${verb} --help`;
    super('SP_USAGE', message, { remedy: remedy ?? `See \`${help}\`.` });
    this.name = 'UsageError';
  }
}

/** The verb needs namespaces, the freezer and CRIU, and so root. */
export class NotRoot extends StillpointError {
  constructor(verb: string) {
    super('SP_NOT_ROOT', `\`stillpoint ${verb}\` needs root`, {
      remedy: 'Run the same command with sudo.',
    });
    this.name = 'NotRoot';
  }
}

/** The command of a gang is not there, or can't be run. Nothing was started. */
export class CommandNotFound extends StillpointError {
  constructor(command: string, detail: string) {
    super('SP_COMMAND_NOT_FOUND', `the command "${command}" can't be run: ${detail}`, {
      remedy: 'Correct its name, give its path, or set PATH with --env PATH=...; nothing was started.',
    });
    this.name = 'CommandNotFound';
  }
}

/** The working directory of a gang is not there. Nothing was started. */
export class CwdMissing extends StillpointError {
  constructor(cwd: string) {
    super('SP_CWD_NOT_A_FOLDER', `the working directory ${cwd} is not a folder`, {
      remedy: 'Name another one with --cwd; nothing was started.',
    });
    this.name = 'CwdMissing';
  }
}

/** A member's log can't be read. */
export class LogUnreadable extends StillpointError {
  constructor(path: string, cause: Error) {
    super('SP_LOG_UNREADABLE', `the log ${path} can't be read: ${cause.message}`, {
      remedy: 'Look whether the file is there and whose it is; logs are kept in the state folder.',
      cause,
    });
    this.name = 'LogUnreadable';
  }
}

/** The coordinator died under a verb; the next one was asked what became of it. */
export class CoordinatorLost extends StillpointError {
  /** @param aftermath what became of the work, as sentences */
  constructor(aftermath: string, cause: unknown) {
    super('SP_COORDINATOR_LOST', `the coordinator died while it was at it: ${aftermath}`, {
      remedy: 'Run the same command again if you still want it: there is another coordinator now.',
      retryable: true,
      cause,
    });
    this.name = 'CoordinatorLost';
  }
}

/** The verb was interrupted by a signal. Exit code 128 + the signal's number. */
export class Interrupted extends StillpointError {
  readonly signal: InterruptSignal;
  /** Nothing was at stake: whoever pressed Ctrl-C knows all there is to know. */
  readonly isQuiet: boolean;

  /** @param aftermath what became of the work, as sentences; absent where nothing was changed */
  constructor(signal: InterruptSignal, aftermath?: string) {
    super('SP_INTERRUPTED_BY_SIGNAL', `interrupted: ${aftermath ?? 'nothing was changed'}`, {
      remedy: 'Run the same command again if you still want it.',
      retryable: true,
    });
    this.name = 'Interrupted';
    this.signal = signal;
    this.isQuiet = aftermath === undefined;
  }

  get exitCode(): number {
    return 128 + signalNumbers[this.signal];
  }
}

export type InterruptSignal = 'SIGHUP' | 'SIGINT' | 'SIGTERM';
const signalNumbers = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;
