// Performs the steps that the protocol orders for one member of a restore attempt.
import {
  type FilesPolicy,
  type MemberFiles,
  type MemberId,
  memberId,
  type MemberRestoreResult,
  type MemberRestoreStep,
  type RestoreHeader,
  type RestorePlacement,
} from '@stillpoint/protocol';
import type { Manifest, Vault } from '@stillpoint/vault';
import { offsetsToContinue, readHostClocks } from './clock.ts';
import { AddressTaken, NotRunning } from './errors.ts';
import { imageSizes } from './files/index.ts';
import { cgroupProcesses, type Freezer, isFrozen } from './freezer.ts';
import { gangHosts, memberHostname } from './hosts.ts';
import type { MemberContext } from './member-cut.ts';
import { type MemberMeta, parseMeta, readMeta } from './member-meta.ts';
import { emptyStaging, letGo, prepareMember, restoreMember } from './member-restore.ts';
import type { NodeMembers } from './node-members.ts';
import type { HomePaths } from './paths.ts';
import { preflightRestore } from './restore-preflight.ts';
import type { SlotOwner } from './sandbox-record.ts';
import { removeStaging, restoreStagingFolder } from './staging.ts';

export interface RestoreStepsOptions {
  readonly paths: HomePaths;
  readonly freezer: Freezer;
  readonly node: string;
  readonly vault: Vault;
  readonly members: NodeMembers;
  readonly header: RestoreHeader;
  readonly member: MemberId;
}

export class RestoreSteps {
  readonly #options: RestoreStepsOptions;
  readonly #owner: SlotOwner;
  readonly #staging: string;

  constructor(options: RestoreStepsOptions) {
    const { header, member, paths } = options;
    this.#options = options;
    this.#owner = { gang: header.gang, incarnation: header.incarnation, member };
    this.#staging = restoreStagingFolder(paths, header.gang, header.incarnation, member);
  }

  /** @throws StillpointError when the step failed */
  async perform(step: MemberRestoreStep): Promise<MemberRestoreResult> {
    switch (step.step) {
      case 'preflight':
        return { step: 'preflight', blockers: await this.#preflight(step.members) };
      case 'prepare':
        await this.#prepare(step.members, step.files);
        return { step: 'prepare' };
      case 'restore':
        await restoreMember(this.#context(), this.#staging, await readMeta(this.#staging), step.holdId);
        return { step: 'restore', holdId: step.holdId };
      case 'lift':
        await letGo(this.#context(), step.holdId);
        return { step: 'lift' };
      case 'verify':
        await this.#verify();
        return { step: 'verify' };
      case 'abandon':
        await this.#options.members.removeMember(this.#owner);
        await removeStaging(this.#staging);
        return { step: 'abandon' };
    }
  }

  #context(): MemberContext {
    const { paths, freezer, members } = this.#options;
    return { paths, freezer, record: members.sandbox(this.#owner) };
  }

  async #preflight(placements: readonly RestorePlacement[]) {
    const { paths, vault, node, header, member } = this.#options;
    const here = placements
      .filter((placement) => placement.node === node)
      .map((placement) => placement.member);
    const blockers = await preflightRestore({
      paths,
      vault,
      node,
      gang: header.gang,
      epoch: header.epoch,
      members: here,
      // all nodes are this machine's
      together: placements.map((placement) => placement.member),
    });
    return blockers.get(member) ?? [];
  }

  /** A new sandbox with sp-init alone, the images fetched, verified and rewritten, and the private files in place. */
  async #prepare(placements: readonly RestorePlacement[], policy: FilesPolicy): Promise<void> {
    const { vault, header, member, members } = this.#options;
    await this.#checkAddresses(placements);
    const manifest = await vault.readManifest(header.gang, header.epoch);
    const meta = metaOf(manifest, member);
    const record = await members.launch({
      ...this.#owner,
      hostname: memberHostname(header.gang, member),
      hosts: gangHosts(
        header.gang,
        placements.map((placement) => ({
          member: placement.member,
          addresses: placement.addresses.map(({ to }) => to),
        })),
      ),
      environment: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
      cwd: meta.cwd,
      command: 'await-restore',
      clockOffsets: offsetsToContinue(meta.clocks, await readHostClocks()),
    });
    await emptyStaging(this.#staging);
    await vault.readMember({
      gang: header.gang,
      epoch: header.epoch,
      member: String(member),
      to: this.#staging,
    });
    const { paths, freezer } = this.#options;
    await prepareMember({ paths, freezer, record }, this.#staging, {
      addresses: new Map(
        placements.flatMap(({ addresses }) => addresses.map(({ from, to }) => [from, to] as const)),
      ),
      fileSizes: await imageSizes(notesOf(manifest), policy),
    });
  }

  /** The place that was reserved must have the addresses that the whole gang's images are rewritten for. */
  async #checkAddresses(placements: readonly RestorePlacement[]): Promise<void> {
    const { slot } = await this.#options.members.reserve(this.#owner);
    const planned =
      placements
        .find((placement) => placement.member === this.#options.member)
        ?.addresses.map(({ to }) => to) ?? [];
    const own = [slot.addresses.ipv4, slot.addresses.ipv6];
    const missing = planned.filter((address) => !own.includes(address));
    if (missing.length > 0) throw new AddressTaken(this.#options.node, missing);
  }

  async #verify(): Promise<void> {
    const { record, freezer } = this.#context();
    const processes = await cgroupProcesses(record.slot.cgroup);
    if (processes.length === 0 || (await isFrozen(freezer, record.slot.cgroup))) {
      throw new NotRunning(
        `${record.gang}-${record.member}`,
        processes.length === 0 ? 'it has ended' : 'it is still frozen',
      );
    }
    await removeStaging(this.#staging);
  }
}

function metaOf(manifest: Manifest, member: MemberId): MemberMeta {
  const entry = manifest.members.find((candidate) => candidate.member === String(member));
  if (entry === undefined) throw new Error(`the manifest of epoch ${manifest.epoch} has no member ${member}`);
  return parseMeta(entry.meta);
}

const notesOf = (manifest: Manifest): MemberFiles[] =>
  manifest.members.map((entry) => ({
    member: memberId(Number(entry.member)),
    files: parseMeta(entry.meta).vote.files,
  }));
