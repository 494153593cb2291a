// A node that is only played: its members are values that a test changes, and they outlive their agent as real ones
// do. It keeps watch over what must never happen.
import type { StagingInUse } from '@stillpoint/agent';
import type { FileNote, MemberEpochState, MemberRestoreState, MemberStatus } from '@stillpoint/protocol';

/** A member that is only played. What its program has come to is one number. */
export interface FakeMember {
  readonly gang: string;
  readonly incarnation: number;
  readonly member: number;
  readonly slot: number;
  state: 'allocated' | 'running' | 'restored' | 'exited';
  frozen: boolean;
  hold: string | undefined;
  exitCode: number | undefined;
  /** What its program has come to. */
  value: number;
}

/** All nodes of a test, and what must hold over all of them. */
export class FakeWorld {
  readonly nodes = new Map<string, FakeNode>();
  /** The files that members share, as they are now. */
  noteFiles: () => Promise<readonly FileNote[]> = () => Promise.resolve([]);
  /** Room in the vault, as agents see it. */
  vaultFreeBytes = 1e9;
  /** What was seen that must never happen. */
  readonly violations: string[] = [];

  node(name: string): FakeNode {
    const known = this.nodes.get(name);
    if (known !== undefined) return known;
    const node = new FakeNode(name, this.nodes.size + 1, this);
    this.nodes.set(name, node);
    return node;
  }

  members(gang: string): FakeMember[] {
    return [...this.nodes.values()]
      .flatMap((node) => [...node.members.values()])
      .filter((member) => member.gang === gang)
      .toSorted((a, b) => a.incarnation - b.incarnation || a.member - b.member);
  }

  /** Members that run and are not held. */
  running(gang: string): FakeMember[] {
    return this.members(gang).filter(({ state, frozen }) => state === 'running' && !frozen);
  }

  /** @returns what was removed, by its epoch or attempt */
  sweepStaging({ epochs, restores }: StagingInUse): string[] {
    const needed = new Set([
      ...epochs.map(({ gang, epoch }) => `${gang}/${epoch}`),
      ...restores.map(({ gang, incarnation }) => `restore/${gang}/${incarnation}`),
    ]);
    const swept = new Set<string>();
    for (const { staging } of this.nodes.values()) {
      for (const key of [...staging.keys()]) {
        const subject = key.slice(0, key.lastIndexOf('/'));
        if (needed.has(subject)) continue;
        staging.delete(key);
        swept.add(subject);
      }
    }
    return [...swept];
  }

  /** At most one incarnation of a gang ever runs unheld. */
  check(): void {
    const gangs = new Set(
      [...this.nodes.values()].flatMap((node) => [...node.members.values()].map(({ gang }) => gang)),
    );
    for (const gang of gangs) {
      const incarnations = new Set(this.running(gang).map(({ incarnation }) => incarnation));
      if (incarnations.size > 1) this.violations.push(`${gang} runs as ${[...incarnations].join(' and ')}`);
    }
  }
}

const keyOf = (gang: string, incarnation: number, member: number): string =>
  `${gang}/${incarnation}/${member}`;

export class FakeNode {
  readonly name: string;
  readonly index: number;
  readonly world: FakeWorld;
  readonly members = new Map<string, FakeMember>();
  /** What agents of this node have persisted. */
  readonly epochRecords = new Map<string, MemberEpochState>();
  readonly restoreRecords = new Map<string, MemberRestoreState>();
  /** Images in staging, by epoch or attempt and member. */
  readonly staging = new Map<string, number>();
  /** Files at the cut, by epoch and member. */
  readonly notes = new Map<string, readonly FileNote[]>();
  onExit: ((member: FakeMember) => void) | undefined;

  constructor(name: string, index: number, world: FakeWorld) {
    this.name = name;
    this.index = index;
    this.world = world;
  }

  find(gang: string, incarnation: number, member: number): FakeMember | undefined {
    return this.members.get(keyOf(gang, incarnation, member));
  }

  /** @throws when it is not there */
  get(gang: string, incarnation: number, member: number): FakeMember {
    const found = this.find(gang, incarnation, member);
    if (found === undefined)
      throw new Error(`no member ${member} of ${gang}'s incarnation ${incarnation} on ${this.name}`);
    return found;
  }

  allocate(gang: string, incarnation: number, member: number): FakeMember {
    const known = this.find(gang, incarnation, member);
    if (known !== undefined) return known;
    const taken = new Set([...this.members.values()].map(({ slot }) => slot));
    let slot = 1;
    while (taken.has(slot)) slot += 1;
    const allocated: FakeMember = {
      gang,
      incarnation,
      member,
      slot,
      state: 'allocated',
      frozen: false,
      hold: undefined,
      exitCode: undefined,
      value: 0,
    };
    this.members.set(keyOf(gang, incarnation, member), allocated);
    return allocated;
  }

  change(member: FakeMember, change: Partial<FakeMember>): void {
    Object.assign(member, change);
    this.world.check();
  }

  remove({ gang, incarnation, member }: Pick<FakeMember, 'gang' | 'incarnation' | 'member'>): void {
    this.members.delete(keyOf(gang, incarnation, member));
  }

  /** The member's program ends. */
  exit(member: FakeMember, exitCode: number): void {
    this.change(member, { state: 'exited', exitCode });
    this.onExit?.(member);
  }

  /** Everything on it is gone at once. */
  lose(): void {
    this.members.clear();
    this.epochRecords.clear();
    this.restoreRecords.clear();
    this.staging.clear();
  }

  addresses({ slot }: FakeMember): { ipv4: string; ipv6: string } {
    return { ipv4: `10.0.${this.index}.${slot}`, ipv6: `fd00::${this.index}:${slot}` };
  }

  status(member: FakeMember): MemberStatus {
    const { gang, incarnation, state, frozen, hold, exitCode } = member;
    const running = hold === undefined ? (frozen ? 'frozen' : 'running') : 'held';
    return {
      gang: gang as MemberStatus['gang'],
      incarnation: incarnation as MemberStatus['incarnation'],
      member: member.member as MemberStatus['member'],
      state: state === 'running' || state === 'restored' ? running : state,
      ...(exitCode === undefined ? {} : { exitCode }),
      addresses: this.addresses(member),
      processes: state === 'running' ? 1 : 0,
      residentBytes: 4096,
      stdoutPath: '',
      stderrPath: '',
    };
  }
}
