// Performs the steps that the protocol orders for one member of an epoch. Keeps what one step leaves for the next.
import {
  type EpochHeader,
  type FilesPolicy,
  type HalfDeadSocket,
  type HoldId,
  invariant,
  type MemberStep,
  type MemberStepName,
  type MemberStepResult,
  type OutsidePolicy,
} from '@stillpoint/protocol';
import type { Vault } from '@stillpoint/vault';
import { awaitDump, isDumpUnderWay } from './dump-end.ts';
import { UnknownMember } from './errors.ts';
import type { DigestCache } from './files/index.ts';
import { cgroupProcesses, killCgroup } from './freezer.ts';
import { longestHoldMs } from './hold-budget.ts';
import { limits } from './limits.ts';
import {
  checkMember,
  type CutNote,
  dumpMember,
  freezeMember,
  holdMember,
  type MemberContext,
  noteMember,
  releaseMember,
} from './member-cut.ts';
import { readMeta } from './member-meta.ts';
import { composeVote } from './member-vote.ts';
import { preflightMember } from './preflight.ts';
import { connectInit, isSandboxAlive, isSandboxThere } from './sandbox-record.ts';
import { destroySocket, listSockets } from './sockets.ts';
import { removeStaging, stagingFolder } from './staging.ts';

/** What the steps of all members of one epoch on this node share. */
export interface EpochResources {
  readonly vault: Vault;
  readonly digests: DigestCache;
  /** Removes a member that was stopped on purpose, with its sandbox and network. */
  readonly removeStopped: (context: MemberContext) => Promise<void>;
}

/** What is done to the member itself: nothing of it may hit another who has its place by now. */
const needsMember: ReadonlySet<MemberStepName> = new Set<MemberStepName>([
  'freeze',
  'hold',
  'note',
  'dump',
  'check',
  'survey',
  'settle',
]);

export class EpochSteps {
  readonly #context: MemberContext;
  readonly #header: EpochHeader;
  readonly #resources: EpochResources;
  readonly #staging: string;
  #note: CutNote | undefined;
  #outside: OutsidePolicy = 'refuse';
  /** Of a clock that nobody sets. */
  #frozenAtMs: number | undefined;
  #holdBudgetMs = longestHoldMs();

  constructor(context: MemberContext, header: EpochHeader, resources: EpochResources) {
    this.#context = context;
    this.#header = header;
    this.#resources = resources;
    this.#staging = stagingFolder(context.paths, header.gang, header.epoch, context.record.member);
  }

  /** @throws StillpointError when the step failed; the member is then as the step found it */
  async perform(step: MemberStep): Promise<MemberStepResult> {
    const { record } = this.#context;
    if (needsMember.has(step.step) && !(await isSandboxThere(record)))
      throw new UnknownMember(record.slot.node, record);
    switch (step.step) {
      case 'preflight':
        return this.#preflight(step.outside);
      case 'freeze':
        this.#frozenAtMs = performance.now();
        await freezeMember(this.#context, limits.freezeMs);
        return { step: 'freeze' };
      case 'hold':
        await holdMember(this.#context, step.holdId);
        return { step: 'hold', holdId: step.holdId };
      case 'note':
        this.#note = await noteMember(this.#context);
        return { step: 'note' };
      case 'dump':
        return this.#dump(step.outside, step.files);
      case 'check':
        return this.#check(step.holdId);
      case 'release':
        return this.#release(step.holdId);
      case 'kill':
        return this.#kill();
      case 'survey':
        return {
          step: 'survey',
          addresses: this.#addresses(),
          sockets: await listSockets(this.#context.record.slot.namespace),
        };
      case 'settle':
        return { step: 'settle', destroyed: await this.#settle(step.halfDead) };
      case 'persist':
        return this.#persist();
      case 'forget':
        await removeStaging(this.#staging);
        return { step: 'forget' };
    }
  }

  async #preflight(outside: OutsidePolicy): Promise<MemberStepResult> {
    const found = await preflightMember(this.#context, this.#resources.vault, outside);
    this.#holdBudgetMs = found.holdBudgetMs;
    return { step: 'preflight', ...found };
  }

  async #dump(outside: OutsidePolicy, files: FilesPolicy): Promise<MemberStepResult> {
    invariant(this.#note !== undefined, 'a member is noted before it is dumped');
    this.#outside = outside;
    const { digests } = this.#resources;
    const policy = { outside, files, digests, filesMs: this.#filesMs() };
    this.#note = await dumpMember(this.#context, this.#staging, this.#note, policy);
    return { step: 'dump' };
  }

  /** What is left of the hold's budget to read files in: a member is not kept frozen for them any longer. */
  #filesMs(): number {
    const nowMs = performance.now();
    const frozenMs = nowMs - (this.#frozenAtMs ?? nowMs);
    return Math.max(0, Math.round(this.#holdBudgetMs * limits.filesBudgetShare - frozenMs));
  }

  async #check(hold: HoldId): Promise<MemberStepResult> {
    invariant(this.#note !== undefined, 'a member is noted before it is checked');
    // side by side: the member stands still until both are done
    const [vote] = await Promise.all([
      composeVote(this.#context, this.#staging, this.#note, hold, this.#outside),
      checkMember(this.#context, this.#note, hold),
    ]);
    return { step: 'check', vote };
  }

  /** Lifts and thaws, after a CRIU that still runs. A dead member's hold stays: its sockets must not speak again. */
  async #release(hold: HoldId): Promise<MemberStepResult> {
    const { record } = this.#context;
    // in its place another may stand frozen by now
    if (await isSandboxThere(record)) {
      if (await isDumpUnderWay(this.#staging)) await awaitDump(this.#context, this.#staging);
      if ((await cgroupProcesses(record.slot.cgroup)).length > 0) await releaseMember(this.#context, hold);
    }
    const nowMs = performance.now();
    return { step: 'release', heldMs: Math.round(nowMs - (this.#frozenAtMs ?? nowMs)) };
  }

  /** Parks sp-init, so that the kill does not look like a failure, kills while frozen, and removes the sandbox. */
  async #kill(): Promise<MemberStepResult> {
    const { record, freezer } = this.#context;
    if (await isSandboxAlive(record)) {
      const client = await connectInit(record);
      try {
        await client.park();
      } finally {
        client.close();
      }
    }
    if (await isSandboxThere(record)) await killCgroup(freezer, record.slot.cgroup);
    await this.#resources.removeStopped(this.#context);
    return { step: 'kill' };
  }

  async #settle(halfDead: readonly HalfDeadSocket[]): Promise<number> {
    const { namespace } = this.#context.record.slot;
    const doomed = new Set(
      halfDead.filter(({ member }) => member === this.#context.record.member).map(({ cookie }) => cookie),
    );
    const sockets = (await listSockets(namespace)).filter(
      ({ cookie, state }) => doomed.has(cookie) && state !== 'CLOSE_WAIT',
    );
    for (const socket of sockets) await destroySocket(namespace, socket);
    return sockets.length;
  }

  async #persist(): Promise<MemberStepResult> {
    const { gang, epoch } = this.#header;
    const { files } = await this.#resources.vault.writeMember({
      gang,
      epoch,
      member: String(this.#context.record.member),
      from: this.#staging,
    });
    return { step: 'persist', files, meta: await readMeta(this.#staging) };
  }

  #addresses(): string[] {
    const { ipv4, ipv6 } = this.#context.record.slot.addresses;
    return [ipv4, ipv6];
  }
}
