// The coded errors of sp-init's client.
import { StillpointError } from '@stillpoint/protocol';

/** The program is not where the build puts it. */
export class SpInitNotBuilt extends StillpointError {
  constructor(path: string) {
    super('SP_INIT_NOT_BUILT', `sp-init is not built: ${path} is missing`, {
      remedy: 'Run `make` in packages/sp-init, or `./stillpoint setup`.',
    });
  }
}

/** Nothing listens on the control socket. */
export class SpInitUnreachable extends StillpointError {
  constructor(path: string, cause?: unknown) {
    super('SP_INIT_UNREACHABLE', `sp-init does not listen on ${path}`, {
      remedy: 'Check whether the sandbox still runs; its stderr log and exit file say how it ended.',
      retryable: true,
      cause,
    });
  }
}

/** No answer within the deadline. The connection is closed: later answers would belong to earlier commands. */
export class SpInitTimeout extends StillpointError {
  constructor(path: string, command: string, deadlineMs: number) {
    super('SP_INIT_TIMEOUT', `sp-init at ${path} did not answer \`${command}\` within ${deadlineMs} ms`, {
      remedy: 'Connect again; if it stays so, check whether sp-init is stopped or its log cannot be written.',
      retryable: true,
    });
  }
}

/** sp-init refused the command. */
export class SpInitRefused extends StillpointError {
  constructor(path: string, command: string, reason: string) {
    super('SP_INIT_REFUSED', `sp-init at ${path} refused \`${command}\`: ${reason}`, {
      remedy: 'Ask for its status: the command does not fit the state it is in.',
    });
  }
}

/** The connection ended, or carried something else than answers, before the answer. */
export class SpInitGone extends StillpointError {
  constructor(path: string, command: string, detail: string, cause?: unknown) {
    super('SP_INIT_GONE', `sp-init at ${path} gave no answer to \`${command}\`: ${detail}`, {
      remedy: 'Read the exit file of the sandbox: sp-init has probably ended.',
      cause,
    });
  }
}
