// What all parts of a coordinator share.
import type { Clock } from '@stillpoint/clock';
import type { Vault } from '@stillpoint/vault';
import type { Logger } from 'pino';
import type { Gangs } from './gangs.ts';
import type { CoordinatorMetrics } from './metrics.ts';
import type { HookRunner } from './hooks.ts';
import type { Nodes } from './nodes.ts';
import type { NodePlatform } from './platform.ts';
import type { SharedFiles } from './shared-files.ts';
import type { Store } from './store.ts';

export interface Context {
  readonly clock: Clock;
  readonly store: Store;
  readonly nodes: Nodes;
  readonly gangs: Gangs;
  readonly vault: Vault;
  readonly platform: NodePlatform;
  readonly files: SharedFiles;
  readonly hooks: HookRunner;
  readonly log: Logger;
  readonly metrics: CoordinatorMetrics;
  /** Aborted when this coordinator ends: what is under way is left to a successor. */
  readonly closing: AbortSignal;
  /** The coordinator can't go on: it ends, and a successor reads the ledger. */
  readonly fatal: (error: unknown) => void;
}
