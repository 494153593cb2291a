// The coded errors of verbs: what is unknown, in use, busy or not in the state that the verb needs.
import { StillpointError } from '@stillpoint/protocol';
import type { Gang } from './gang.ts';

/** There is no gang of this name. */
export class UnknownGang extends StillpointError {
  constructor(gang: string, known: readonly string[]) {
    super(
      'SP_UNKNOWN_GANG',
      `there is no gang ${gang}${known.length === 0 ? '' : ` (there are ${listNames(known)})`}`,
      {
        remedy: '`stillpoint ps` lists the gangs; `stillpoint run` starts one.',
      },
    );
    this.name = 'UnknownGang';
  }
}

/** A gang of this name exists, running or not. */
export class GangNameInUse extends StillpointError {
  constructor(gang: string, hasEnded: boolean) {
    const end = hasEnded ? '' : `end it with \`stillpoint stop ${gang}\`, then `;
    super('SP_GANG_NAME_IN_USE', `there is a gang ${gang} already`, {
      remedy: `Choose another name; or ${end}forget that gang with \`stillpoint rm ${gang}\`.`,
    });
    this.name = 'GangNameInUse';
  }
}

/** The gang has no such epoch. */
export class UnknownEpoch extends StillpointError {
  constructor(gang: string, epoch: number) {
    super('SP_UNKNOWN_EPOCH', `${gang} has no epoch ${epoch}`, {
      remedy: `\`stillpoint epochs ${gang}\` lists those that there are.`,
    });
    this.name = 'UnknownEpoch';
  }
}

/** The epoch is not in the vault, so that nothing can be restored from it or read of it. */
export class EpochNotPublished extends StillpointError {
  constructor(gang: string, epoch: number, state: string) {
    super('SP_EPOCH_NOT_PUBLISHED', `epoch ${epoch} of ${gang} is ${state}: it can not be used`, {
      remedy: `Choose one that is published: \`stillpoint epochs ${gang}\`.`,
    });
    this.name = 'EpochNotPublished';
  }
}

/** The gang has nothing to be restored from. */
export class NoPublishedEpoch extends StillpointError {
  constructor(gang: string) {
    super('SP_NO_PUBLISHED_EPOCH', `${gang} has no published epoch`, {
      remedy: 'Nothing can be restored: start the gang anew under another name, or after `stillpoint rm`.',
    });
    this.name = 'NoPublishedEpoch';
  }
}

/** The epoch is being restored, read or written. */
export class EpochInUse extends StillpointError {
  constructor(gang: string, epoch: number) {
    super('SP_EPOCH_IN_USE', `epoch ${epoch} of ${gang} is in use`, {
      remedy: 'Wait until the verb that uses it has ended.',
      retryable: true,
    });
    this.name = 'EpochInUse';
  }
}

/** Another checkpoint of the gang is under way. */
export class CheckpointRunning extends StillpointError {
  constructor(gang: string, epoch: number | undefined) {
    super(
      'SP_CHECKPOINT_RUNNING',
      `a checkpoint of ${gang} is under way${epoch === undefined ? '' : ` (epoch ${epoch})`}`,
      {
        remedy: `Wait for it: \`stillpoint epochs ${gang}\` shows how far it is.`,
        retryable: true,
      },
    );
    this.name = 'CheckpointRunning';
  }
}

/** Another verb has the gang. */
export class GangBusy extends StillpointError {
  constructor(gang: string, verb: string) {
    super('SP_GANG_BUSY', `${gang} is busy: ${verb} is under way`, {
      remedy: 'Wait until it has ended, or stop the gang.',
      retryable: true,
    });
    this.name = 'GangBusy';
  }
}

/** The verb needs a gang that runs. */
export class GangNotRunning extends StillpointError {
  constructor(gang: Gang) {
    const { name, state } = gang;
    super('SP_GANG_NOT_RUNNING', `${name} does not run: it is ${state}`, { remedy: wayOn(gang) });
    this.name = 'GangNotRunning';
  }
}

function wayOn({ name, isDead, isRestorable }: Gang): string {
  if (!isDead) return `\`stillpoint show ${name}\` tells how far it is.`;
  return isRestorable
    ? `\`stillpoint restore ${name}\` brings it back from its last epoch.`
    : `It has no epoch to be restored from: \`stillpoint logs ${name}\` tells why it ended; start it anew after \`stillpoint rm ${name}\`.`;
}

/** The gang is ending: members of it have ended already. */
export class GangEnding extends StillpointError {
  constructor(gang: string, detail: string) {
    super('SP_GANG_ENDING', `${gang} is ending: ${detail}`, {
      remedy: `\`stillpoint wait ${gang}\` tells how it ends.`,
    });
    this.name = 'GangEnding';
  }
}

/** Nodes are not taken down under gangs that run on them. */
export class GangsRunning extends StillpointError {
  constructor(gangs: readonly string[]) {
    super('SP_GANGS_RUNNING', `${gangs.join(', ')} still ${gangs.length === 1 ? 'runs' : 'run'}`, {
      remedy: `End what runs first: \`stillpoint checkpoint ${gangs[0] ?? 'NAME'} --stop\`, or \`stillpoint stop\`.`,
    });
    this.name = 'GangsRunning';
  }
}

/** The only image of an epoch is in its nodes' memory, and nodes are not taken down with it. */
export class EpochUnpublished extends StillpointError {
  constructor(gang: string, epoch: number) {
    super('SP_EPOCH_UNPUBLISHED', `epoch ${epoch} of ${gang} is not in the vault yet`, {
      remedy:
        `Wait until \`stillpoint epochs ${gang}\` has it as published. If the vault was full or gone, mend that and ` +
        `run \`stillpoint restore ${gang}\`; \`stillpoint rm ${gang}@${epoch}\` gives the epoch up.`,
      retryable: true,
    });
    this.name = 'EpochUnpublished';
  }
}

/** The verb needs a gang that has ended. */
export class GangRunning extends StillpointError {
  constructor(gang: string) {
    super('SP_GANG_RUNNING', `${gang} has not ended`, {
      remedy: `End it first: \`stillpoint stop ${gang}\`.`,
    });
    this.name = 'GangRunning';
  }
}

/** A gang was stopped to be moved, and its image is not in the vault yet. It is brought back once it is. */
export class MoveWaits extends StillpointError {
  constructor(gang: string, cause: Error) {
    super('SP_MOVE_WAITS', `${gang} is stopped, and its image is not in the vault yet: ${cause.message}`, {
      remedy: `Make room in the vault: the move goes on by itself then. \`stillpoint stop ${gang}\` calls it off.`,
      cause,
    });
    this.name = 'MoveWaits';
  }
}

/** What is stored of an epoch is damaged. Nothing was touched. */
export class EpochDamaged extends StillpointError {
  constructor(gang: string, epoch: number, problems: readonly string[]) {
    super('SP_EPOCH_DAMAGED', `epoch ${epoch} of ${gang} is damaged: ${listNames(problems)}`, {
      remedy: 'Restore an earlier epoch; `stillpoint verify` tells which ones are whole.',
    });
    this.name = 'EpochDamaged';
  }
}

const namesMax = 8;

export function listNames(names: readonly string[]): string {
  const rest = names.length - namesMax;
  return names.slice(0, namesMax).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}
