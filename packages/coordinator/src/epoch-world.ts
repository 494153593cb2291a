// What an epoch's driver needs of the world, and how an epoch ends.
import type { Clock } from '@stillpoint/clock';
import type {
  Decision,
  EpochCommand,
  Failure,
  GangEvent,
  GangResult,
  HookStage,
  ManifestMember,
} from '@stillpoint/protocol';
import type { Logger } from 'pino';
import type { EpochClosing } from './manifest.ts';
import type { EpochReport, HookReport } from './records.ts';

/** What the driver needs of the world. */
export interface EpochWorld {
  readonly clock: Clock;
  send(nodes: readonly string[], command: EpochCommand): void;
  /** Writes the decision unless there is one. @returns the one that stands */
  decide(decision: Decision, reason: string): Promise<Decision>;
  /** Runs the hooks of a stage until the signal says that nobody waits. @returns what the machine is to hear. Never rejects */
  runHooks(
    stage: HookStage,
    options: { readonly signal: AbortSignal; readonly report: (report: HookReport) => void },
  ): Promise<Extract<GangEvent, { kind: 'HooksFinished' }>>;
  /** Publishes the epoch in the vault, once. */
  publish(members: readonly ManifestMember[]): Promise<void>;
  /** Closes the epoch in the ledger. @returns what stands there: an epoch that is in the vault is not lost */
  close(closing: EpochClosing): Promise<EpochClosing>;
  readonly log: Logger;
}

export interface EpochEnd {
  readonly result: GangResult;
  readonly failure: Failure | null;
  readonly report: EpochReport | undefined;
}
