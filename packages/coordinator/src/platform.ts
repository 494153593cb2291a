// The platform port: where nodes come from. Virtual nodes on this machine stand behind it, and stand-ins in tests.
import type { StagingInUse } from '@stillpoint/agent';
import type { NodeCommand, NodeLink } from '@stillpoint/bus';
import type { Fence } from '@stillpoint/protocol';

interface PlatformNode {
  readonly name: string;
  /** 1 and up, unique in the state folder. */
  readonly index: number;
  readonly monotonicOffsetSeconds: number;
}

/** Where the files with a member's output are. */
interface LogFiles {
  readonly stdout: string;
  readonly stderr: string;
}

/** What is known of a node that is to be killed. */
export interface NodeEvidence {
  /** An operator says that its machine is off. */
  readonly isOff: boolean;
}

export interface NodePlatform {
  /** Whether a coordinator makes nodes as it needs them; otherwise they are machines, on which somebody starts an agent. */
  readonly makesNodes: boolean;
  /** Makes the node. Does nothing when it is there. */
  create(node: PlatformNode): Promise<void>;
  /** Starts the node's agent and returns once it answers. Does nothing when one answers already. */
  startAgent(node: PlatformNode): Promise<void>;
  /** A link to the node's agent, whether it is there yet or not. */
  connect(name: string): NodeLink;
  /** Sends to several nodes at once, where that is less than to one after the other. */
  readonly sendToAll?: (names: readonly string[], command: NodeCommand) => void;
  /**
   * Ends everything on the node at once. Does nothing when it is gone.
   *
   * @param fence of the leader that wants it
   * @throws while it is not certain that nothing of it runs
   */
  kill(name: string, fence: Fence, evidence: NodeEvidence): Promise<void>;
  /** Ends what is left of nodes that are not among these. @returns their names */
  cleanLeftovers(names: readonly string[]): Promise<readonly string[]>;
  /** Removes images that are on nodes for nothing that is in use. @returns what they were */
  sweepStaging(inUse: StagingInUse): Promise<readonly string[]>;
  logFiles(gang: string, incarnation: number, member: number): LogFiles;
  /** Removes the logs of a gang, and what else it left in the state folder. */
  removeGangFiles(gang: string): Promise<void>;
}
