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
      remedy:
        'The training goes on. Try again; if it stays so, look at the process named here (state D: it waits in the kernel).',
      retryable: true,
    });
  }
}

/** A request of a coordinator that does not lead any more: it must change nothing. */
export class PastLeader extends StillpointError {
  constructor(request: string, gang: string, fence: number, latest: number) {
    super(
      'SP_PAST_LEADER',
      `${request} of ${gang} comes from a coordinator that was deposed: its fence is ${fence}, the latest ${latest}`,
      { remedy: 'Try again: the coordinator that leads now answers.' },
    );
  }
}

/** A process was stopped by a signal, or a debugger took it, after preflight: the member is not dumped like that. */
export class ProcessHalted extends StillpointError {
  constructor(member: string, what: string, remedy: string) {
    super('SP_PROCESS_HALTED', `member ${member} ${what}`, { remedy, retryable: true });
  }
}

/** A member has mounted something after preflight: its images would be without it. */
export class MountMade extends StillpointError {
  constructor(member: string, what: string, remedy: string) {
    super('SP_MOUNT_MADE', `member ${member} ${what}`, { remedy, retryable: true });
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

/** A node's agent did not come up. */
export class AgentStartFailed extends StillpointError {
  constructor(node: string, detail: string, logPath: string, cause?: unknown) {
    super('SP_AGENT_START_FAILED', `the agent of node ${node} did not start: ${detail}`, {
      remedy: `Look at ${logPath}, and run \`stillpoint doctor\`.`,
      retryable: true,
      cause,
    });
  }
}

/** Processes of a killed node did not end. */
export class NodeKillTimeout extends StillpointError {
  constructor(node: string, pids: readonly number[]) {
    super('SP_NODE_KILL_TIMEOUT', `node ${node}: processes ${pids.slice(0, 10).join(', ')} do not end`, {
      remedy:
        'They hang in the kernel (state D): see `ps -o pid,stat,wchan`. Run `stillpoint node kill` again.',
      retryable: true,
    });
  }
}

/** Other nodes of the machine are being made, for longer than that takes. */
export class NodeMakeTimeout extends StillpointError {
  constructor(node: string, waitedMs: number) {
    super('SP_NODE_MAKE_TIMEOUT', `node ${node} could not be made: others have been for ${waitedMs} ms`, {
      remedy: 'See which agent or coordinator of this state folder hangs, and end it; then try again.',
      retryable: true,
    });
  }
}

/** The member's hold was lifted, by whomever, before its dump had ended: its images are no part of a cut. */
export class HoldMissing extends StillpointError {
  constructor(member: string, hold: string) {
    super('SP_HOLD_MISSING', `member ${member}: hold ${hold} is not in force any more`, {
      remedy: "Try again; do not flush nftables in a member's network while a checkpoint runs.",
      retryable: true,
    });
  }
}

/** The member was thawed, by whomever, while it had to stand still: in a cut, or before its restore was decided. */
export class NotFrozen extends StillpointError {
  constructor(member: string) {
    super('SP_MEMBER_NOT_FROZEN', `member ${member} is not frozen any more`, {
      remedy: "Try again; do not touch a member's cgroup while a checkpoint or restore runs.",
      retryable: true,
    });
  }
}

/** Files of the cut changed otherwise than by growing while members were dumped. */
export class FilesChanged extends StillpointError {
  constructor(member: string, problems: readonly string[]) {
    super('SP_FILES_CHANGED_DURING_DUMP', `member ${member}: ${problems.slice(0, 5).join('; ')}`, {
      remedy: 'Find out who else writes to these files; try again when nobody does.',
      retryable: true,
    });
  }
}

/** What the member had written could not all be copied to its log in time. */
export class LogNotDrained extends StillpointError {
  constructor(member: string) {
    super('SP_LOG_NOT_DRAINED', `the output of member ${member} did not reach its log in time`, {
      remedy:
        'Look at the disk of the logs ($STILLPOINT_HOME/gangs): it may be full or very slow. Then try again.',
      retryable: true,
    });
  }
}

/** A request names a member that this node does not have. */
export class UnknownMember extends StillpointError {
  constructor(
    node: string,
    owner: { readonly gang: string; readonly member: number; readonly incarnation: number },
  ) {
    super(
      'SP_MEMBER_UNKNOWN',
      `node ${node} has no member ${owner.member} of ${owner.gang}, incarnation ${owner.incarnation}`,
      {
        remedy: 'See `stillpoint show` for where the gang runs; restore it if its node was lost.',
      },
    );
  }
}

/** Every place of a node is taken. */
export class NoRoomOnNode extends StillpointError {
  constructor(node: string, membersMax: number) {
    super('SP_NODE_FULL', `node ${node} has its ${membersMax} members already`, {
      remedy: 'Name other nodes with --onto, or add one with `stillpoint node add`.',
    });
  }
}

/** The place that a member gets has other addresses than the restore was planned with. */
export class AddressTaken extends StillpointError {
  constructor(node: string, addresses: readonly string[]) {
    super('SP_ADDRESS_TAKEN', `node ${node} cannot give ${addresses.join(', ')} to the member`, {
      remedy: 'Restore again: addresses are chosen anew.',
      retryable: true,
    });
  }
}

/** A restored member does not run. */
export class NotRunning extends StillpointError {
  constructor(member: string, why: string) {
    super('SP_MEMBER_NOT_RUNNING', `member ${member} was restored, but ${why}`, {
      remedy: 'See `stillpoint logs` for its last words; restore an earlier epoch.',
    });
  }
}

/** CRIU or sp-init is not installed. */
export class ToolMissing extends StillpointError {
  constructor(path: string, cause: unknown) {
    super('SP_TOOL_MISSING', `${path} is not there`, {
      remedy: 'Run `./stillpoint setup`; STILLPOINT_CRIU may name another CRIU.',
      cause,
    });
  }
}

/** A variable of the environment is set to what it can't be. */
export class SettingInvalid extends StillpointError {
  constructor(variable: string, value: string, wanted: string) {
    super('SP_SETTING_INVALID', `${variable} is "${value}": ${wanted} is wanted`, {
      remedy: `Set ${variable} anew, or unset it; then end the coordinator with SIGTERM and run the command again.`,
    });
  }
}
