// The explored loop as a model: leaders, agents, ledger and members, and everything that may happen next. Of the
// network it is assumed that whatever was ever sent may arrive now, again, later, or never.
import { AgentMoves } from './agent-moves.ts';
import { Codec } from './codec.ts';
import { LeaderMoves, type Offer } from './leader-moves.ts';
import type { AnyKinded, AnyState } from './machine.ts';
import type { AnyCommand, Play } from './play.ts';
import { Scene } from './scene.ts';
import type { Model, Move } from './search.ts';
import type { Draft } from './state.ts';
import { Violation } from './violation.ts';

/** What may go wrong. */
export interface Faults {
  /** How often, on one way. */
  readonly most: number;
  /** Only what is told in such words. */
  readonly pattern: RegExp;
}

export class Loop<Kernel extends object> implements Model {
  readonly initial: string;
  readonly #scene: Scene<Kernel>;
  readonly #codec: Codec<Kernel>;
  readonly #faults: Faults;
  readonly #leaders: LeaderMoves<Kernel>;
  readonly #agents: AgentMoves<Kernel>;
  readonly #taken = new Map<number, boolean>();

  constructor(play: Play<Kernel>, faults: Faults) {
    this.#scene = new Scene(play);
    this.#codec = new Codec(play.layout);
    this.#faults = faults;
    this.#leaders = new LeaderMoves(this.#scene);
    this.#agents = new AgentMoves(this.#scene);
    const { nodes, places } = play.layout;
    const draft: Draft<Kernel> = {
      leader: null,
      ghost: null,
      shared: play.firstShared,
      faults: 0,
      nodes: nodes.map(({ members }) => ({
        fate: 'here',
        isAgentUp: true,
        seenFence: 0,
        parts: members.map(() => null),
      })),
      kernels: places.map(() => play.firstKernel),
      orders: nodes.map(() => []),
      answers: nodes.map(() => []),
    };
    const { firstFence } = play;
    this.#scene.lead(draft, firstFence, this.#scene.leaders.take(play.startLeader(firstFence)));
    this.initial = this.#write(draft);
  }

  /** Different steps of machines of the protocol that were worked out. */
  get machineSteps(): number {
    return this.#scene.leaders.steps + this.#scene.members.steps;
  }

  /** Machine states that were taken for one, and are not. */
  findWronglyMerged(): string | undefined {
    return this.#scene.leaders.findWronglyMerged() ?? this.#scene.members.findWronglyMerged();
  }

  moves(state: string): readonly Move[] {
    const base = this.#codec.read(state);
    const moves: Move[] = [];
    const offerWith =
      (mayBeCalm: boolean): Offer<Kernel> =>
      (label, cost, act) => {
        if (base.faults + cost > this.#faults.most) return;
        if (cost > 0 && !this.#faults.pattern.test(label())) return;
        const to = this.#make(base, state, cost, act);
        if (to !== state) moves.push({ label, isCalm: mayBeCalm && cost === 0, to });
      };
    const offer = offerWith(true);
    this.#leaders.offer(base, 'leader', offer);
    this.#leaders.offerChanges(base, offer);
    base.nodes.forEach((_node, index) => this.#agents.offer(base, index, offer));
    const isQuiet = !moves.some(({ isCalm }) => isCalm);
    this.#leaders.offerLate(base, isQuiet, offer);
    base.nodes.forEach((_node, index) => this.#agents.offerLate(base, index, isQuiet, offer));
    this.#leaders.offer(base, 'ghost', offerWith(false));
    return moves;
  }

  #make(
    base: Draft<Kernel>,
    state: string,
    cost: number,
    act: Parameters<Offer<Kernel>>[2],
  ): string | Violation {
    const draft: Draft<Kernel> = {
      ...base,
      nodes: [...base.nodes],
      kernels: [...base.kernels],
      orders: [...base.orders],
      answers: [...base.answers],
    };
    try {
      if (act(draft) === false) return state;
    } catch (error) {
      if (error instanceof Violation) return error;
      throw error;
    }
    if (isUntouched(base, draft)) return state;
    const same = this.#write(draft);
    if (cost === 0 || same === state) return same;
    draft.faults = base.faults + cost;
    return this.#codec.write(draft);
  }

  /** Leaves out what can never count any more. */
  #write(draft: Draft<Kernel>): string {
    const { play, leaders, members } = this.#scene;
    const fences = [draft.leader?.fence, draft.ghost?.isAlive === true ? draft.ghost.fence : undefined];
    draft.nodes.forEach(({ fate, seenFence }, index) => {
      const orders = draft.orders[index] ?? [];
      const heard = orders.filter((order) => {
        const { command } = members.events.get(order) as unknown as { command: AnyCommand };
        return fate !== 'lost' && !play.isPast(seenFence, command);
      });
      if (heard.length < orders.length) draft.orders[index] = heard;
      const answers = draft.answers[index] ?? [];
      const read = answers.filter((answer) => {
        const { reply } = leaders.events.get(answer) as unknown as { reply: AnyCommand };
        return fences.includes(reply.fence) && !this.#isTaken(draft, answer, reply.fence);
      });
      if (read.length < answers.length) draft.answers[index] = read;
    });
    const { ghost } = draft;
    // a leader of the past of whom everybody knows: its writes are refused, and nobody listens to it
    const isSpent =
      ghost?.isAlive === true && draft.leader !== null && this.#isPastForAll(draft, ghost.fence);
    if (isSpent) draft.ghost = null;
    return this.#codec.write(draft);
  }

  #isPastForAll({ nodes }: Draft<Kernel>, fence: number): boolean {
    return nodes.every(
      ({ fate, seenFence }) => fate === 'lost' || this.#scene.play.isPast(seenFence, { kind: '', fence }),
    );
  }

  /** Whether everything that an answer says is known to whom it is for, and for good. */
  #isTaken(draft: Draft<Kernel>, answer: number, fence: number): boolean {
    const { play, leaders } = this.#scene;
    const reader = draft.leader?.fence === fence ? draft.leader : draft.ghost;
    if (reader === null) return true;
    const { reply } = leaders.events.get(answer) as unknown as { reply: { reports: AnyKinded[] } };
    const key = reader.machine * 2 ** 20 + answer;
    let isTaken = this.#taken.get(key);
    if (isTaken === undefined) {
      isTaken = play.isTaken(leaders.states.get(reader.machine), reply.reports);
      this.#taken.set(key, isTaken);
    }
    return isTaken;
  }

  check(state: string): void {
    const draft = this.#codec.read(state);
    this.#scene.play.check(draft, this.#memberStates(draft));
  }

  isGoodEnd(state: string): boolean {
    const draft = this.#codec.read(state);
    if (draft.shared.closed === null) return false;
    const isAtRest = draft.nodes.every(
      ({ fate, isAgentUp, parts }) =>
        fate === 'lost' ||
        (isAgentUp && parts.every((part) => part === null || this.#scene.contextOf(part).running === null)),
    );
    return isAtRest && this.#scene.play.isGoodEnd(draft);
  }

  #memberStates({ nodes }: Draft<Kernel>): (AnyState | null)[] {
    const states: (AnyState | null)[] = [];
    this.#scene.play.layout.nodes.forEach(({ members }, index) =>
      members.forEach((member, slot) => {
        const part = nodes[index]?.parts[slot] ?? null;
        states[member] = part === null ? null : this.#scene.members.states.get(part.machine);
      }),
    );
    return states;
  }

  describe(state: string): string {
    const draft = this.#codec.read(state);
    const { leaders, members } = this.#scene;
    const leading = (who: 'leader' | 'ghost'): string => {
      const leader = draft[who];
      if (leader === null) return `${who}: none`;
      const { value } = leaders.states.get(leader.machine);
      return `${who}: ${JSON.stringify({ ...leader, machine: value })}`;
    };
    const nodes = draft.nodes.map(({ parts, ...node }) => ({
      ...node,
      parts: parts.map((part) => part && { ...part, machine: members.states.get(part.machine).value }),
    }));
    return [
      leading('leader'),
      leading('ghost'),
      JSON.stringify(draft.shared),
      ...nodes.map((node) => JSON.stringify(node)),
      ...draft.kernels.map((kernel) => JSON.stringify(kernel)),
    ].join('\n    ');
  }
}

const isEqual = <Value>(one: readonly Value[], other: readonly Value[]): boolean =>
  one.every((value, index) => value === other[index]);

/** Whether nothing was done at all; what is equal all the same is found when it is written. */
const isUntouched = <Kernel>(base: Draft<Kernel>, draft: Draft<Kernel>): boolean =>
  base.leader === draft.leader &&
  base.ghost === draft.ghost &&
  base.shared === draft.shared &&
  isEqual(base.nodes, draft.nodes) &&
  isEqual(base.kernels, draft.kernels) &&
  isEqual(base.orders, draft.orders) &&
  isEqual(base.answers, draft.answers);
