// The agent's coded errors.
import { StillpointError } from '@stillpoint/protocol';

/** A helper command (ip, nft, ss, nsenter) failed or ran past its deadline. */
export class CommandFailed extends StillpointError {
  constructor(command: string, detail: string, cause?: unknown) {
    super('SP_COMMAND_FAILED', `${command} failed: ${detail}`, {
      remedy: 'Run `stillpoint doctor`; the command and its output stand in the message.',
      cause,
    });
  }
}

/** A member's processes could not all be frozen in time, for example because one hangs in the kernel. */
export class FreezeTimeout extends StillpointError {
  constructor(subject: string, waitedMs: number, stuck: string) {
    super('SP_FREEZE_TIMEOUT', `${subject} did not freeze within ${waitedMs} ms${stuck}`, {
      remedy: 'The training goes on. Try again; if it stays so, look at the process named here (state D: it waits in the kernel).',
      retryable: true,
    });
  }
}

/** The sandbox's PID 1 did not come up, or is gone. */
export class SandboxFailed extends StillpointError {
  constructor(sandbox: string, detail: string, cause?: unknown) {
    super('SP_SANDBOX_FAILED', `sandbox ${sandbox}: ${detail}`, {
      remedy: 'Run `stillpoint doctor`; if the machine is fine, start or restore the gang again.',
      cause,
    });
  }
}

/** No cgroup freezer that can be written to. */
export class NoFreezer extends StillpointError {
  constructor(detail: string) {
    super('SP_NO_FREEZER', `no usable cgroup freezer: ${detail}`, {
      remedy: 'Mount cgroup v2 (or the v1 freezer) writable, and run as root.',
    });
  }
}
