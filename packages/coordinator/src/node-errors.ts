// Coded errors of verbs that concern nodes.
import { StillpointError } from '@stillpoint/protocol';
import { listNames } from './verb-errors.ts';

/** No node is ready to take members. */
export class NoNode extends StillpointError {
  constructor() {
    super('SP_NO_NODE', 'there is no node that members could be placed on', {
      remedy: 'Add one with `stillpoint node add NAME`, or name others with --onto.',
    });
    this.name = 'NoNode';
  }
}

/** There is no node of this name. */
export class UnknownNode extends StillpointError {
  constructor(node: string, known: readonly string[]) {
    super(
      'SP_UNKNOWN_NODE',
      `there is no node ${node}${known.length === 0 ? '' : ` (there are ${listNames(known)})`}`,
      {
        remedy: `Add it with \`stillpoint node add ${node}\`, or choose one of \`stillpoint nodes\`.`,
      },
    );
    this.name = 'UnknownNode';
  }
}

/** The node exists and is in use. */
export class NodeNameInUse extends StillpointError {
  constructor(node: string) {
    super('SP_NODE_NAME_IN_USE', `there is a node ${node} already`, {
      remedy: 'Choose another name; `stillpoint nodes` lists those in use.',
    });
    this.name = 'NodeNameInUse';
  }
}

/** Members can not be placed on this node now. */
export class NodeNotReady extends StillpointError {
  constructor(node: string, detail: string) {
    super('SP_NODE_NOT_READY', `node ${node} can not be used: ${detail}`, {
      remedy: `Put it into use with \`stillpoint node add ${node}\`, or choose another.`,
      retryable: true,
    });
    this.name = 'NodeNotReady';
  }
}

/** The state folder has as many nodes as it can have. */
export class TooManyNodes extends StillpointError {
  constructor(nodesMax: number) {
    super('SP_TOO_MANY_NODES', `there are ${nodesMax} nodes already`, {
      remedy: 'Use the nodes that are there.',
    });
    this.name = 'TooManyNodes';
  }
}

/** Nodes are machines here: none can be made. */
export class TooFewNodes extends StillpointError {
  constructor(missing: number) {
    super('SP_TOO_FEW_NODES', `${missing} more node${missing === 1 ? '' : 's'} would have to be ready`, {
      remedy:
        'Start `stillpoint agent` on more machines and add each with `stillpoint node add NAME`, or name fewer with --nodes.',
    });
    this.name = 'TooFewNodes';
  }
}

/** The gang has no member on that node. */
export class NothingToMove extends StillpointError {
  constructor(gang: string, node: string) {
    super('SP_NOTHING_TO_MOVE', `${gang} has no member on ${node}`, {
      remedy: `\`stillpoint show ${gang}\` shows where its members are.`,
    });
    this.name = 'NothingToMove';
  }
}

/** Nobody who could know says that nothing of the node runs any more. */
export class NodeMayLive extends StillpointError {
  constructor(node: string, cause: Error) {
    super('SP_NODE_MAY_LIVE', `members may still run on node ${node}: ${cause.message}`, {
      remedy:
        `Make sure that its machine is off, then \`stillpoint node kill ${node} --machine-is-off\`; or wait until its agent ` +
        'answers again, and repeat. Until then nothing that was on it is restored.',
      retryable: true,
      cause,
    });
    this.name = 'NodeMayLive';
  }
}
