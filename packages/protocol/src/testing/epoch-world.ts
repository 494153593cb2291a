// A simulated gang: what its members are really like, the ledger and the vault, and what must be true of them at any
// moment. It knows nothing of the machines; it judges what they do.
import type { GangResult } from '../gang/events.ts';
import type { HoldId, MemberId, NodeName } from '../ids.ts';
import type { MemberStep, MemberStepResult } from '../member/events.ts';
import type { Decision, Outcome } from '../messages.ts';
import { invariant } from '../step.ts';
import type { SimulatedClock } from './clock.ts';
import { makeStepResult, testHold } from './fixtures.ts';

/** The truth of one member, whatever anybody believes. */
export interface WorldMember {
  readonly member: MemberId;
  readonly node: NodeName;
  alive: boolean;
  killed: boolean;
  frozen: boolean;
  hold: HoldId | null;
  heldEver: boolean;
  notedAtMs: number | null;
  /** Whether, when its files were noted and its dump began, everybody alive was frozen and held. */
  isOfTheCut: boolean;
  releasedAtMs: number | null;
  voted: boolean;
  staged: boolean;
  persisted: boolean;
}

export class EpochWorld {
  readonly #clock: SimulatedClock;
  readonly outcome: Outcome;
  readonly members: readonly WorldMember[];
  readonly lostNodes = new Set<NodeName>();
  /** Nodes that lost their power and came back. */
  readonly newNodes = new Set<NodeName>();
  decision: Decision | null = null;
  closed: GangResult | null = null;
  hasManifest = false;

  constructor(
    clock: SimulatedClock,
    outcome: Outcome,
    places: readonly { member: MemberId; node: NodeName }[],
  ) {
    this.#clock = clock;
    this.outcome = outcome;
    this.members = places.map(({ member, node }) => ({
      member,
      node,
      alive: true,
      killed: false,
      frozen: false,
      hold: null,
      heldEver: false,
      notedAtMs: null,
      isOfTheCut: true,
      releasedAtMs: null,
      voted: false,
      staged: false,
      persisted: false,
    }));
  }

  member(index: MemberId): WorldMember {
    const found = this.members.find(({ member }) => member === index);
    invariant(found !== undefined, `member ${index} exists`);
    return found;
  }

  /** Create-once. */
  decide(decision: Decision): Decision {
    if (this.decision === null) {
      this.decision = decision;
      if (decision === 'commit') this.#checkCommit();
    }
    return this.decision;
  }

  writeManifest(): void {
    invariant(this.decision === 'commit', 'a manifest follows the commit');
    invariant(
      this.members.every(({ persisted }) => persisted),
      'a manifest follows all images',
    );
    this.hasManifest = true;
  }

  /** Whether an honest executor fails at this: there is nothing to freeze or dump any more. */
  isImpossible(index: MemberId, { step }: MemberStep): boolean {
    const { alive } = this.member(index);
    return !alive && ['preflight', 'freeze', 'hold', 'note', 'dump', 'check'].includes(step);
  }

  /** Does what a step does to a member. @returns what an honest executor reports */
  perform(index: MemberId, step: MemberStep): MemberStepResult {
    const member = this.member(index);
    switch (step.step) {
      case 'freeze':
        member.frozen = member.alive;
        break;
      case 'hold':
        invariant(!member.heldEver, `member ${index} is held once in an epoch`);
        member.hold = step.holdId;
        member.heldEver = true;
        break;
      case 'note':
        member.notedAtMs = this.#clock.nowMs;
        // the dead neither run nor speak
        member.isOfTheCut = this.members.every(
          ({ alive, frozen, hold }) => !alive || (frozen && hold !== null),
        );
        break;
      case 'dump':
        member.staged = member.frozen && member.hold !== null;
        break;
      case 'check':
        member.voted = member.staged;
        return makeStepResult('check', index, member.hold ?? testHold(index));
      case 'release':
        this.#checkRelease(member);
        member.hold = null;
        member.frozen = false;
        member.releasedAtMs ??= this.#clock.nowMs;
        break;
      case 'kill':
        invariant(this.outcome === 'stop' && this.decision === 'commit', 'only a stop commit kills');
        Object.assign(member, { alive: false, killed: true, frozen: false, hold: null });
        break;
      case 'persist':
        invariant(this.decision === 'commit', 'only a committed epoch is persisted');
        invariant(member.staged, `the images of member ${index} are there`);
        member.persisted = true;
        break;
      case 'forget':
        this.#checkForget(member);
        member.staged = false;
        break;
      case 'preflight':
      case 'survey':
      case 'settle':
        break;
    }
    return makeStepResult(step.step, index, member.hold ?? testHold(index));
  }

  /** A crash of a member's own. */
  kill(member: WorldMember): void {
    Object.assign(member, { alive: false, frozen: false });
  }

  loseNode(node: NodeName, fate: 'gone' | 'new'): void {
    (fate === 'gone' ? this.lostNodes : this.newNodes).add(node);
    for (const member of this.members) {
      if (member.node === node)
        Object.assign(member, { alive: false, frozen: false, hold: null, staged: false });
    }
  }

  /** Nothing is frozen or held any more. */
  get isFree(): boolean {
    return this.members.every(({ frozen, hold }) => !frozen && hold === null);
  }

  /** Invariant 1: everything that was noted was noted while all were held, and every vote is in. */
  #checkCommit(): void {
    for (const { member, voted, notedAtMs, isOfTheCut, releasedAtMs } of this.members) {
      invariant(voted && notedAtMs !== null, `member ${member} has voted before the commit`);
      invariant(isOfTheCut, `member ${member} was noted while all were held`);
      if (this.outcome === 'stop') {
        invariant(releasedAtMs === null, `member ${member} was not released before the commit`);
      }
      for (const other of this.members) {
        const isEarly = other.releasedAtMs !== null && other.releasedAtMs < notedAtMs;
        invariant(!isEarly, `member ${other.member} was not released before member ${member} had noted`);
      }
    }
  }

  #checkRelease({ member, voted }: WorldMember): void {
    const isBound = this.outcome === 'stop' && voted;
    invariant(!isBound || this.decision !== 'commit', `member ${member} is not thawed after a stop commit`);
  }

  /** Images of a committed epoch go only when they are in the vault, or when it is lost for another reason. */
  #checkForget({ member }: WorldMember): void {
    const isNeeded = this.decision === 'commit' && !this.hasManifest && this.closed !== 'lost';
    const isLost = this.members.some(
      ({ node, persisted }) => (this.lostNodes.has(node) || this.newNodes.has(node)) && !persisted,
    );
    invariant(!isNeeded || isLost, `the images of member ${member} are kept until they are published`);
  }
}
