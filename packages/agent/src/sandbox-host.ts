// The node's sandboxes as the services see them: behind their ports are the freezer, holds, CRIU, staging and vault.
import type {
  EpochHeader,
  HoldId,
  MemberId,
  MemberRestoreResult,
  MemberRestoreStep,
  MemberStep,
  MemberStepResult,
  RestoreHeader,
} from '@stillpoint/protocol';
import type { Vault } from '@stillpoint/vault';
import { EpochSteps } from './epoch-steps.ts';
import type { DigestCache } from './files/index.ts';
import { type Freezer, isFrozen } from './freezer.ts';
import { listHolds } from './hold.ts';
import type { NodeMembers } from './node-members.ts';
import type { HomePaths } from './paths.ts';
import type { EpochHost, FoundMember, RestoreHost, Stepper } from './ports.ts';
import { RestoreSteps } from './restore-steps.ts';
import type { SandboxRecord } from './sandbox-record.ts';

export interface SandboxHostOptions {
  readonly paths: HomePaths;
  readonly freezer: Freezer;
  readonly node: string;
  readonly members: NodeMembers;
  readonly vault: Vault;
}

export class SandboxHost implements EpochHost<SandboxRecord>, RestoreHost {
  readonly #options: SandboxHostOptions;
  /** Of files that members of one epoch share. */
  readonly #digests = new Map<string, DigestCache>();

  constructor(options: SandboxHostOptions) {
    this.#options = options;
  }

  sandboxes(gang: string, incarnation: number): SandboxRecord[] {
    return this.#options.members.sandboxes(gang, incarnation);
  }

  reserved(gang: string, incarnation: number): number[] {
    return this.#options.members.reserved(gang, incarnation);
  }

  async find(record: SandboxRecord, hold: HoldId): Promise<FoundMember> {
    const { freezer } = this.#options;
    const isHere = this.sandboxes(record.gang, record.incarnation).some(
      ({ member }) => member === record.member,
    );
    return {
      isHere,
      frozen: isHere && (await isFrozen(freezer, record.slot.cgroup)),
      held: isHere && (await listHolds(record.slot.namespace)).includes(hold),
    };
  }

  epochSteps(record: SandboxRecord, header: EpochHeader): Stepper<MemberStep, MemberStepResult> {
    const { paths, freezer, vault, members } = this.#options;
    const key = epochKey(header.gang, header.epoch);
    const digests: DigestCache = this.#digests.get(key) ?? new Map();
    this.#digests.set(key, digests);
    return new EpochSteps({ paths, freezer, record }, header, {
      vault,
      digests,
      removeStopped: () => members.removeMember(record),
    });
  }

  epochClosed(gang: string, epoch: number): void {
    this.#digests.delete(epochKey(gang, epoch));
  }

  restoreSteps(header: RestoreHeader, member: MemberId): Stepper<MemberRestoreStep, MemberRestoreResult> {
    return new RestoreSteps({ ...this.#options, header, member });
  }
}

const epochKey = (gang: string, epoch: number): string => `${gang}.${epoch}`;
