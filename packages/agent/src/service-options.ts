// What the services of one agent share.
import type { NodeEvent } from '@stillpoint/bus';
import type { Vault } from '@stillpoint/vault';
import type { AgentLog } from './agent-log.ts';
import type { Fences } from './fences.ts';
import type { Freezer } from './freezer.ts';
import type { NodeMembers } from './node-members.ts';
import type { HomePaths } from './paths.ts';

export interface ServiceOptions {
  readonly paths: HomePaths;
  readonly freezer: Freezer;
  readonly node: string;
  readonly members: NodeMembers;
  readonly vault: Vault;
  readonly fences: Fences;
  /** Sends to every coordinator that listens. */
  readonly send: (event: NodeEvent) => void;
  readonly log: AgentLog;
}
