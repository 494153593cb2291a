// What the services of one agent need of their node and of the world. Sandboxes, files and CRIU stand behind it, and
// a modelled node in the simulator.
import type { NodeEvent } from '@stillpoint/bus';
import type { Clock } from '@stillpoint/clock';
import type {
  EpochHeader,
  GangId,
  HighestSeen,
  HoldId,
  MemberId,
  MemberRestoreResult,
  MemberRestoreStep,
  MemberStep,
  MemberStepResult,
  RestoreHeader,
} from '@stillpoint/protocol';
import type { AgentLog } from './agent-log.ts';
import type { Fences } from './fences.ts';
import type { AgentMetrics } from './metrics.ts';
import type { SlotOwner } from './sandbox-record.ts';

/** Performs the steps that the protocol orders for one member. */
export interface Stepper<Step, Result> {
  /** @throws StillpointError when the step failed */
  perform(step: Step): Promise<Result>;
}

/** What a restarted agent finds of a member. */
export interface FoundMember {
  readonly isHere: boolean;
  readonly frozen: boolean;
  readonly held: boolean;
}

/** The node's members, for epochs. `Place` is what finds one again: kept with its state. */
export interface EpochHost<Place extends SlotOwner> {
  /** Members of a gang's incarnation whose sandbox is here. */
  sandboxes(gang: string, incarnation: number): readonly Place[];
  find(place: Place, hold: HoldId): Promise<FoundMember>;
  epochSteps(place: Place, header: EpochHeader): Stepper<MemberStep, MemberStepResult>;
  /** The epoch is over for a member: what its members shared is not needed any more. */
  epochClosed(gang: string, epoch: number): void;
}

/** The node's members, for restores. */
export interface RestoreHost {
  /** Members of a gang's incarnation that have a place here, whether anything runs there or not. */
  reserved(gang: string, incarnation: number): readonly number[];
  restoreSteps(header: RestoreHeader, member: MemberId): Stepper<MemberRestoreStep, MemberRestoreResult>;
}

/** What a restarted agent goes on from: a machine's state, and what finds its member again. */
export interface KeptPart<State, Kept> {
  readonly state: State;
  readonly kept: Kept;
}

/** Where an agent keeps the states of its machines, for as long as the machine is up. */
export interface PartStore {
  list(): Promise<readonly unknown[]>;
  /** Replaces what was kept under the key, as a whole. @throws when it could not be kept */
  keep(key: string, part: KeptPart<unknown, unknown>): Promise<void>;
  /** Does nothing when it is not there. */
  drop(key: string): Promise<void>;
}

/** Where an agent keeps the highest numbers that it has heard, for as long as the machine is up. */
export interface SeenStore {
  list(): readonly (readonly [GangId, HighestSeen])[];
  /** @throws when it could not be kept */
  keep(gang: GangId, seen: HighestSeen): void;
}

/** What the services of one agent share. */
export interface ServiceOptions {
  readonly node: string;
  readonly clock: Clock;
  readonly store: PartStore;
  readonly fences: Fences;
  /** An id that no hold ever had. */
  readonly newHoldId: () => HoldId;
  /** Sends to every coordinator that listens. */
  readonly send: (event: NodeEvent) => void;
  readonly metrics: AgentMetrics;
  readonly log: AgentLog;
}
