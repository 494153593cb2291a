// The coded errors of making way for a restore: before anything is opened, so that it can be tried again.
import { StillpointError } from '@stillpoint/protocol';

/** What ran of the gang could not be ended in time. It ends all the same, once its nodes answer. */
export class GangNotEnded extends StillpointError {
  constructor(gang: string, deadlineMs: number, silentNodes: readonly string[]) {
    const silent = silentNodes.length === 0 ? '' : `: nothing from ${silentNodes.join(', ')}`;
    super('SP_GANG_NOT_ENDED', `${gang} had not ended after ${deadlineMs} ms${silent}`, {
      remedy: `Look at \`stillpoint nodes\`; \`stillpoint node kill ${silentNodes[0] ?? 'NAME'}\` if one is broken. Then restore again.`,
      retryable: true,
    });
    this.name = 'GangNotEnded';
  }
}

/** Bringing the gang's files to the cut took too long. What was done of it is noted: the next restore goes on. */
export class RollBackOverdue extends StillpointError {
  constructor(gang: string, epoch: number, deadlineMs: number) {
    super('SP_ROLL_BACK_OVERDUE', `the files of ${gang} were not at epoch ${epoch} after ${deadlineMs} ms`, {
      remedy: 'Look at the disks that they are on, then restore again: it goes on where it was.',
      retryable: true,
    });
    this.name = 'RollBackOverdue';
  }
}
