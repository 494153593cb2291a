// What the steps of an epoch do to a member of a simulated node.
import type { Stepper } from '@stillpoint/agent';
import {
  type EpochHeader,
  type FileNote,
  type HalfDeadSocket,
  holdId,
  type ImageConnection,
  memberId,
  type MemberStep,
  type MemberStepResult,
  type MemberVote,
} from '@stillpoint/protocol';
import type { Member, Place } from './member.ts';
import type { SimulatedNode } from './node.ts';
import { stagingKey, StepFailed, takeStep } from './steps.ts';
import { copyEnds, copyProgram, type Training } from './training.ts';
import type { World } from './world.ts';

export class SimulatedEpochSteps implements Stepper<MemberStep, MemberStepResult> {
  readonly #world: World;
  readonly #node: SimulatedNode;
  readonly #place: Place;
  readonly #header: EpochHeader;
  #frozenAtMs: number | undefined;

  constructor(world: World, node: SimulatedNode, place: Place, header: EpochHeader) {
    this.#world = world;
    this.#node = node;
    this.#place = place;
    this.#header = header;
  }

  perform(step: MemberStep): Promise<MemberStepResult> {
    if (step.step === 'dump') return this.#dump();
    if (step.step === 'release') return this.#release(step.holdId);
    return takeStep(this.#world, this.#node, step.step, () => this.#do(step));
  }

  #do(step: Exclude<MemberStep, { step: 'dump' | 'release' }>): MemberStepResult {
    const world = this.#world;
    switch (step.step) {
      case 'preflight':
        this.#alive();
        return {
          step: 'preflight',
          blockers: [],
          holdBudgetMs: 60_000,
          room: { imageBytes: 1, vaultFreeBytes: world.vault.freeBytes },
        };
      case 'freeze':
        this.#frozenAtMs = world.engine.nowMs;
        world.change(this.#alive(), { isFrozen: true });
        return { step: 'freeze' };
      case 'hold':
        world.change(this.#alive(), { hold: step.holdId });
        return { step: 'hold', holdId: step.holdId };
      case 'note':
        this.#alive();
        this.#node.notes.set(this.#key, world.file.note());
        return { step: 'note' };
      case 'check': {
        const member = this.#alive();
        if (member.hold !== step.holdId) throw new StepFailed('the hold is gone', false);
        if (!member.isFrozen) throw new StepFailed('the member runs', false);
        return { step: 'check', vote: this.#vote(member, step.holdId) };
      }
      case 'kill': {
        const member = this.#node.at(this.#place);
        if (member !== undefined) world.remove(this.#node, member);
        return { step: 'kill' };
      }
      case 'survey': {
        const member = this.#alive();
        return {
          step: 'survey',
          addresses: this.#addresses(),
          sockets: world.addresses.sockets(this.#node, member),
        };
      }
      case 'settle':
        return { step: 'settle', destroyed: destroy(this.#alive(), step.halfDead) };
      case 'persist': {
        const staged = this.#node.staging.get(this.#key);
        if (staged === undefined) throw new StepFailed('what was staged is gone', false);
        const files = world.vault.store(this.#header, staged.image);
        const vote = { files: this.#notes(), imageBytes: 1, stdoutBytes: 0, stderrBytes: 0 };
        return { step: 'persist', files, meta: { vote, contents: [] } };
      }
      case 'forget':
        this.#node.staging.delete(this.#key);
        this.#node.notes.delete(this.#key);
        return { step: 'forget' };
    }
  }

  /** CRIU reads the program at one moment and the sockets at another: only a member that stands still is whole. */
  #dump(): Promise<MemberStepResult> {
    const world = this.#world;
    const begun = this.#node.at(this.#place);
    const program = begun?.training === undefined ? undefined : copyProgram(begun.training);
    if (begun !== undefined) begun.isDumped = true;
    const over = (): void => {
      if (begun !== undefined) begun.isDumped = false;
    };
    const dump = (): MemberStepResult => {
      const member = this.#alive();
      if (world.strikes('criuKilled')) {
        world.die(this.#node, member, 137, 'CRIU was killed while it dumped');
        throw new StepFailed('CRIU was killed', false);
      }
      if (this.#node.isDiskFull) throw new StepFailed('staging is full', false);
      if (program === undefined || member.training === undefined) throw new StepFailed('nothing runs', false);
      const image: Training = { member: member.member, ...program, ends: copyEnds(member.training) };
      this.#node.staging.set(this.#key, { image, address: this.#addresses()[0] ?? '' });
      return { step: 'dump' };
    };
    return takeStep(world, this.#node, 'dump', dump, over);
  }

  /** Lifts its own hold and thaws; after a CRIU that still runs. */
  async #release(hold: string): Promise<MemberStepResult> {
    const world = this.#world;
    while (this.#node.at(this.#place)?.isDumped === true) await world.wait(20);
    return takeStep(world, this.#node, 'release', (): MemberStepResult => {
      const member = this.#node.at(this.#place);
      if (member !== undefined && member.state === 'running') {
        world.change(member, {
          isFrozen: false,
          hold: member.hold === hold ? undefined : member.hold,
        });
      }
      return {
        step: 'release',
        heldMs: Math.round(world.engine.nowMs - (this.#frozenAtMs ?? world.engine.nowMs)),
      };
    });
  }

  #vote(member: Member, hold: string): MemberVote {
    const staged = this.#node.staging.get(this.#key);
    if (staged === undefined) throw new StepFailed('what was staged is gone', false);
    const connections = [...staged.image.ends.values()].flatMap((end): ImageConnection[] => {
      const socket = this.#world.addresses
        .sockets(this.#node, member)
        .find((each) => each.cookie === String(end.cookie));
      if (socket === undefined) return [];
      const { local, remote, inode } = socket;
      return [
        {
          local,
          remote,
          state: end.state,
          inode,
          sndUna: end.unacknowledged,
          writeSeq: end.written,
          rcvNxt: end.expected,
        },
      ];
    });
    return {
      member: memberId(member.member),
      holdId: holdId(hold),
      addresses: this.#addresses(),
      connections,
      sockets: this.#world.addresses.sockets(this.#node, member),
      files: this.#notes(),
      imageBytes: 1,
      stdoutBytes: 0,
      stderrBytes: 0,
    };
  }

  /** @throws when its processes or its place are gone */
  #alive(): Member {
    const member = this.#node.at(this.#place);
    if (member?.state !== 'running') throw new StepFailed('the member is gone', false);
    return member;
  }

  #notes(): FileNote[] {
    const note = this.#node.notes.get(this.#key);
    if (note === undefined) throw new StepFailed('what was noted is gone', false);
    return [note];
  }

  #addresses(): string[] {
    const { ipv4, ipv6 } = this.#node.addresses(this.#place);
    return [ipv4, ipv6];
  }

  get #key(): string {
    return stagingKey(this.#header.gang, this.#header.epoch, this.#place.member);
  }
}

/** SOCK_DESTROY. */
function destroy({ member, training }: Member, halfDead: readonly HalfDeadSocket[]): number {
  const cookies = new Set(halfDead.filter((each) => each.member === member).map(({ cookie }) => cookie));
  const doomed = [...(training?.ends ?? [])].filter(([, { cookie }]) => cookies.has(String(cookie)));
  for (const [key] of doomed) training?.ends.delete(key);
  return doomed.length;
}
