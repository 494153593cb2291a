// The members on one node: reserves their places, launches, watches, removes them. What it knows it can find again
// from the sandboxes' own records, so a new agent goes on where a killed one was.
import { freemem } from 'node:os';
import {
  gangId,
  incarnationNumber,
  type MemberExited,
  memberId,
  type MemberStatus,
  type NodeAnswer,
  nodeName,
  type NodeRequest,
} from '@stillpoint/protocol';
import { NoRoomOnNode, UnknownMember } from './errors.ts';
import { type Freezer } from './freezer.ts';
import { Hooks } from './hooks.ts';
import { limits } from './limits.ts';
import { memberStatus } from './member-status.ts';
import { type HomePaths, logFolder } from './paths.ts';
import { launchSandbox, prepareSlot, removeSandbox, type SandboxLaunch } from './sandbox.ts';
import {
  connectInit,
  isSandboxAlive,
  listUsedSlots,
  readExit,
  type SandboxRecord,
  sandboxSlot,
  type SlotOwner,
  type UsedSlot,
} from './sandbox-record.ts';
import { stagingRoom } from './staging.ts';
import { Turns } from './turns.ts';
import type { VirtualNode } from './virtual-node.ts';

const keyOf = (owner: SlotOwner): string => `${owner.gang}/${owner.incarnation}/${owner.member}`;

/** Exit code that stands for a member that ended without leaving one: as of SIGKILL. */
const lostExitCode = 137;

export class NodeMembers {
  readonly #paths: HomePaths;
  readonly #freezer: Freezer;
  readonly #node: VirtualNode;
  readonly #hooks: Hooks;
  readonly #onExit: (event: MemberExited) => void;
  readonly #used = new Map<string, UsedSlot>();
  readonly #watches = new Map<string, () => void>();
  /** Requests come twice: one thing at a time is done to a member, and a removal waits for its gang's reservations. */
  readonly #turns = new Turns();

  constructor(paths: HomePaths, freezer: Freezer, node: VirtualNode, onExit: (event: MemberExited) => void) {
    this.#paths = paths;
    this.#freezer = freezer;
    this.#node = node;
    this.#hooks = new Hooks(freezer, node.name);
    this.#onExit = onExit;
  }

  /** Finds the members that an earlier agent of this node left, and watches those that run. */
  async recover(): Promise<void> {
    await this.#hooks.recover();
    for (const used of await listUsedSlots(this.#paths, this.#node.name)) {
      this.#used.set(keyOf(used), used);
      if (used.sandbox !== undefined && (await isSandboxAlive(used.sandbox))) await this.#watch(used.sandbox);
    }
  }

  /** Answers one request of a coordinator. */
  answer(request: NodeRequest): Promise<NodeAnswer> {
    switch (request.kind) {
      case 'Hello':
        return Promise.resolve({
          kind: 'Hello',
          node: nodeName(this.#node.name),
          pid: process.pid,
          version: '0.1.0',
        });
      case 'Allocate':
        return this.#turns.take(request.gang, () => this.#allocate(request));
      case 'Launch':
        return this.#launch(request);
      case 'Remove':
        return this.#turns.take(request.gang, () => this.#remove(request));
      case 'RunHook':
        return this.#hooks.run(request, this.sandbox(request));
      case 'Status':
        return this.#status();
    }
  }

  /** The sandbox of a member that was launched or prepared here. @throws UnknownMember */
  sandbox(owner: SlotOwner): SandboxRecord {
    const found = this.#used.get(keyOf(owner))?.sandbox;
    if (found === undefined) throw new UnknownMember(this.#node.name, owner);
    return found;
  }

  /** Sandboxes of a gang's incarnation on this node. */
  sandboxes(gang: string, incarnation: number): SandboxRecord[] {
    return [...this.#used.values()].flatMap((used) =>
      used.gang === gang && used.incarnation === incarnation && used.sandbox !== undefined
        ? [used.sandbox]
        : [],
    );
  }

  /** Members of a gang's incarnation that have a place on this node, whether anything runs there or not. */
  reserved(gang: string, incarnation: number): number[] {
    return [...this.#used.values()]
      .filter((used) => used.gang === gang && used.incarnation === incarnation)
      .map((used) => used.member);
  }

  /** Reserves a place for the member, or finds the one that it has. */
  reserve(owner: SlotOwner): Promise<UsedSlot> {
    return this.#turns.take(keyOf(owner), () => this.#reserve(owner));
  }

  /** Starts a sandbox in the member's reserved place. Does nothing when it is there already. */
  launch(launch: Omit<SandboxLaunch, 'logFolder'>): Promise<SandboxRecord> {
    return this.#turns.take(keyOf(launch), async () => {
      const used = await this.#reserve(launch);
      if (used.sandbox !== undefined) return used.sandbox;
      const record = await launchSandbox(this.#paths, used.slot, {
        ...launch,
        logFolder: logFolder(this.#paths, launch.gang, launch.incarnation),
      });
      this.#used.set(keyOf(launch), { ...used, sandbox: record });
      await this.#watch(record);
      return record;
    });
  }

  /** Kills and removes every member of the gang up to an incarnation, and returns when none is left. */
  async removeMembers(gang: string, upTo: number): Promise<UsedSlot[]> {
    const doomed = [...this.#used.values()].filter((used) => used.gang === gang && used.incarnation <= upTo);
    for (const used of doomed) await this.removeMember(used);
    return doomed;
  }

  /** Kills and removes one member. Its end is not told. */
  removeMember(owner: SlotOwner): Promise<void> {
    return this.#turns.take(keyOf(owner), async () => {
      const used = this.#used.get(keyOf(owner));
      if (used === undefined) return;
      this.#watches.get(keyOf(owner))?.();
      this.#watches.delete(keyOf(owner));
      await removeSandbox(this.#paths, this.#freezer, used.slot);
      this.#used.delete(keyOf(owner));
    });
  }

  async #reserve(owner: SlotOwner): Promise<UsedSlot> {
    const known = this.#used.get(keyOf(owner));
    if (known !== undefined) return known;
    for (let number = 1; number <= limits.membersPerNodeMax; number += 1) {
      if ([...this.#used.values()].some(({ slot }) => slot.slot === number)) continue;
      const slot = sandboxSlot(this.#paths, this.#freezer, this.#node.name, this.#node.index, number);
      const used: UsedSlot = { ...owner, slot };
      this.#used.set(keyOf(owner), used);
      try {
        if (await prepareSlot(this.#paths, this.#freezer, slot, owner)) return used;
        this.#used.delete(keyOf(owner));
      } catch (error) {
        this.#used.delete(keyOf(owner));
        await removeSandbox(this.#paths, this.#freezer, slot);
        throw error;
      }
    }
    throw new NoRoomOnNode(this.#node.name, limits.membersPerNodeMax);
  }

  async #allocate(request: Extract<NodeRequest, { kind: 'Allocate' }>): Promise<NodeAnswer> {
    const addresses = [];
    for (const member of request.members) {
      const used = await this.reserve({ gang: request.gang, incarnation: request.incarnation, member });
      addresses.push({ member, addresses: used.slot.addresses });
    }
    return { kind: 'Allocated', addresses };
  }

  async #launch(request: Extract<NodeRequest, { kind: 'Launch' }>): Promise<NodeAnswer> {
    const { gang, incarnation, member, hostname, hosts, program } = request;
    const offset = this.#node.monotonicOffsetSeconds ?? 0;
    await this.launch({
      gang,
      incarnation,
      member,
      hostname,
      hosts,
      command: program.command,
      environment: program.environment,
      cwd: program.cwd,
      clockOffsets: { monotonicSeconds: offset, boottimeSeconds: offset },
    });
    return { kind: 'Launched' };
  }

  async #remove(request: Extract<NodeRequest, { kind: 'Remove' }>): Promise<NodeAnswer> {
    const removed = await this.removeMembers(request.gang, request.upTo);
    return { kind: 'Removed', members: removed.map((used) => memberId(used.member)) };
  }

  /** How each member is, as its sandbox tells. */
  states(): Promise<MemberStatus[]> {
    return Promise.all([...this.#used.values()].map((used) => memberStatus(used, this.#freezer)));
  }

  async #status(): Promise<NodeAnswer> {
    const members = await this.states();
    const { freeBytes } = await stagingRoom(this.#paths);
    return { kind: 'Status', members, memoryAvailableBytes: freemem(), stagingFreeBytes: freeBytes };
  }

  /** Tells of the member's end once it comes; of one that has ended by now, at once. */
  async #watch(record: SandboxRecord): Promise<void> {
    if (!(await isSandboxAlive(record))) return this.#ended(record);
    try {
      const client = await connectInit(record);
      const stop = await client
        .watch((event) => {
          if (event === 'gone' || event.state === 'exited') void this.#ended(record);
        })
        .finally(() => client.close());
      this.#watches.set(keyOf(record), stop);
    } catch (error) {
      if (await isSandboxAlive(record)) throw error;
      await this.#ended(record);
    }
  }

  async #ended(record: SandboxRecord): Promise<void> {
    this.#watches.delete(keyOf(record));
    if (!this.#used.has(keyOf(record))) return; // removed on purpose
    const exit = await readExit(record.slot);
    this.#onExit({
      kind: 'MemberExited',
      node: nodeName(this.#node.name),
      gang: gangId(record.gang),
      incarnation: incarnationNumber(record.incarnation),
      member: memberId(record.member),
      exitCode: exit?.code ?? lostExitCode,
    });
  }
}
