// A simulated node: its members, what its agents keep until a reboot, its staging. Members outlive their agent.
import type { KeptPart, PartStore, SeenStore, SlotOwner } from '@stillpoint/agent';
import type { FileNote, GangId, HighestSeen, MemberStatus } from '@stillpoint/protocol';
import { AgentAddress } from './link.ts';
import { addressOf, type Member, memberName, type Place } from './member.ts';
import type { SimulatedProcess } from './process.ts';
import type { Training } from './training.ts';

/** What CRIU and the agent leave of a member in staging. Whole once it is checked. */
export interface Staged {
  readonly image: Training;
  readonly address: string;
}

export class SimulatedNode {
  readonly name: string;
  readonly index: number;
  readonly address: AgentAddress;
  readonly members = new Set<Member>();
  /** By epoch and member. */
  readonly staging = new Map<string, Staged>();
  /** What a member's files were at the cut, by epoch and member. */
  readonly notes = new Map<string, FileNote>();
  /** Images that a restore has fetched, by incarnation and member. */
  readonly prepared = new Map<string, Training>();
  readonly epochs = new KeptStates(() => this.isDiskFull);
  readonly restores = new KeptStates(() => this.isDiskFull);
  readonly seen = new KeptNumbers(() => this.isDiskFull);
  agent: SimulatedProcess | undefined;
  /** Tells the agent that watches of a member's end. */
  onDeath: ((member: Member, reason: string) => void) | undefined;
  isDiskFull = false;
  /** Whether it is there: until it is created, and after it was killed or lost its power, it is not. */
  isUp = false;
  #lastSerial = 0;

  constructor(name: string, index: number) {
    this.name = name;
    this.index = index;
    this.address = new AgentAddress(name);
  }

  find({ gang, incarnation, member }: SlotOwner): Member | undefined {
    return [...this.members].find(
      (each) => each.gang === gang && each.incarnation === incarnation && each.member === member,
    );
  }

  /** The member, unless another has its place by now. */
  at(place: Place): Member | undefined {
    return [...this.members].find(({ serial }) => serial === place.serial);
  }

  reserve(owner: SlotOwner): Member {
    const known = this.find(owner);
    if (known !== undefined) return known;
    const taken = new Set([...this.members].map(({ slot }) => slot));
    let slot = 1;
    while (taken.has(slot)) slot += 1;
    this.#lastSerial += 1;
    const member: Member = {
      ...owner,
      serial: this.#lastSerial,
      slot,
      state: 'allocated',
      isFrozen: false,
      hold: undefined,
      training: undefined,
      exitCode: undefined,
      isDumped: false,
    };
    this.members.add(member);
    return member;
  }

  addresses({ slot }: Place): { readonly ipv4: string; readonly ipv6: string } {
    return { ipv4: addressOf(this.index, slot), ipv6: `fd00::${this.index}:${slot}` };
  }

  status(member: Member): MemberStatus {
    const { gang, incarnation, state, isFrozen, hold, exitCode } = member;
    const running = hold !== undefined ? 'held' : isFrozen ? 'frozen' : 'running';
    return {
      gang: gang as MemberStatus['gang'],
      incarnation: incarnation as MemberStatus['incarnation'],
      member: member.member as MemberStatus['member'],
      state: state === 'running' ? running : state,
      ...(exitCode === undefined ? {} : { exitCode }),
      addresses: this.addresses(member),
      processes: state === 'running' ? 1 : 0,
      residentBytes: 4096,
      stdoutPath: memberName(member),
      stderrPath: memberName(member),
    };
  }

  /** Its power is gone: nothing that is not on a disk is left. */
  lose(): void {
    this.agent?.kill();
    this.agent = undefined;
    for (const member of this.members) member.state = 'exited';
    this.members.clear();
    this.staging.clear();
    this.notes.clear();
    this.prepared.clear();
    this.epochs.clear();
    this.restores.clear();
    this.seen.clear();
    this.isUp = false;
  }
}

/** States of machines, as files are: what is kept is a copy. */
class KeptStates implements PartStore {
  readonly #isFull: () => boolean;
  readonly #texts = new Map<string, KeptPart<unknown, unknown>>();

  constructor(isFull: () => boolean) {
    this.#isFull = isFull;
  }

  list(): Promise<readonly unknown[]> {
    return Promise.resolve(
      [...this.#texts.values()].map((part) => JSON.parse(JSON.stringify(part)) as unknown),
    );
  }

  keep(key: string, part: KeptPart<unknown, unknown>): Promise<void> {
    if (this.#isFull()) return Promise.reject(new Error('no space left'));
    this.#texts.set(key, part);
    return Promise.resolve();
  }

  drop(key: string): Promise<void> {
    this.#texts.delete(key);
    return Promise.resolve();
  }

  clear(): void {
    this.#texts.clear();
  }
}

class KeptNumbers implements SeenStore {
  readonly #isFull: () => boolean;
  readonly #numbers = new Map<GangId, HighestSeen>();

  constructor(isFull: () => boolean) {
    this.#isFull = isFull;
  }

  list(): [GangId, HighestSeen][] {
    return [...this.#numbers];
  }

  keep(gang: GangId, seen: HighestSeen): void {
    if (this.#isFull()) throw new Error('no space left');
    this.#numbers.set(gang, seen);
  }

  clear(): void {
    this.#numbers.clear();
  }
}
