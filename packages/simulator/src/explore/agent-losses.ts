// Agents, members and nodes that go, and what comes back of them.
import type { Offer } from './leader-moves.ts';
import { type Scene, setPart } from './scene.ts';
import type { Draft, Layout, Node } from './state.ts';

/** One member, by where its agent has it. */
export interface Seat {
  readonly node: number;
  readonly slot: number;
  readonly member: number;
  readonly name: string;
}

export const seatsOf = ({ nodes }: Layout, index: number): Seat[] =>
  (nodes[index]?.members ?? []).map((member, slot) => ({
    node: index,
    slot,
    member,
    name: `member ${member}`,
  }));

export const nothingYet = { armed: [], asks: [], isUntold: false, record: null };

export class AgentLosses<Kernel extends object> {
  readonly #scene: Scene<Kernel>;

  constructor(scene: Scene<Kernel>) {
    this.#scene = scene;
  }

  /** Steps under way end with their agent: done, or not. */
  offerCrash({ parts }: Node, index: number, offer: Offer<Kernel>): void {
    const running = seatsOf(this.#scene.play.layout, index).flatMap(({ slot, member }) => {
      const part = parts[slot] ?? null;
      const step = part === null ? undefined : this.#scene.contextOf(part).running?.step;
      return step === undefined ? [] : [{ member, step }];
    });
    const crash =
      (areDone: boolean) =>
      (draft: Draft<Kernel>): void => {
        const { play } = this.#scene;
        for (const { member, step } of running) {
          const kernel = draft.kernels[member];
          const orphan = kernel === undefined ? undefined : play.orphan(kernel, step);
          if (orphan !== undefined) draft.kernels[member] = orphan;
          else if (areDone && kernel !== undefined && play.isStepDue(kernel, step))
            play.step(draft, member, step);
        }
        const node = draft.nodes[index];
        if (node === undefined) return;
        const kept = node.parts.map((part) =>
          part === null || part.record === null
            ? null
            : { ...nothingYet, machine: part.record, record: part.record },
        );
        draft.nodes[index] = { ...node, isAgentUp: false, parts: kept };
      };
    const name = this.#nameOf(index);
    offer(() => `the agent of ${name} dies`, 1, crash(false));
    if (running.length > 0) offer(() => `the agent of ${name} dies as its step ends`, 1, crash(true));
  }

  /** It goes on from what is kept, and from what it finds. */
  restart(draft: Draft<Kernel>, index: number): void {
    const { play } = this.#scene;
    const node = draft.nodes[index];
    if (node === undefined) return;
    draft.nodes[index] = { ...node, isAgentUp: true };
    for (const seat of seatsOf(this.#scene.play.layout, index)) {
      const kernel = draft.kernels[seat.member];
      const part = node.parts[seat.slot] ?? null;
      if (kernel === undefined || part === null) continue;
      setPart(draft, seat.node, seat.slot, { ...part, isUntold: !play.isAlive(kernel) });
      const event = this.#scene.members.events.idOf(play.restarted(kernel));
      this.#scene.tellMember(draft, seat.node, seat.slot, event, true);
    }
  }

  /** Members and nodes go. */
  offer(base: Draft<Kernel>, index: number, offer: Offer<Kernel>): void {
    const { play } = this.#scene;
    for (const { node, slot, member, name } of seatsOf(this.#scene.play.layout, index)) {
      const kernel = base.kernels[member];
      if (kernel === undefined || !play.isAlive(kernel)) continue;
      offer(
        () => `${name} dies`,
        1,
        (draft) => {
          draft.kernels[member] = play.kill(kernel);
          const part = draft.nodes[node]?.parts[slot] ?? null;
          if (part !== null) setPart(draft, node, slot, { ...part, isUntold: true });
        },
      );
    }
    const { fate, seenFence, parts } = base.nodes[index] ?? {};
    if (fate !== 'here' || seenFence === undefined || parts === undefined) return;
    for (const next of ['lost', 'new'] as const)
      offer(
        () => `${this.#nameOf(index)} is ${next === 'lost' ? 'gone' : 'without power, and comes back'}`,
        1,
        (draft) => {
          for (const { member } of seatsOf(this.#scene.play.layout, index)) {
            const kernel = draft.kernels[member];
            if (kernel !== undefined) draft.kernels[member] = play.loseNode(kernel);
          }
          draft.nodes[index] = {
            fate: next,
            isAgentUp: next === 'new',
            seenFence,
            parts: parts.map(() => null),
          };
        },
      );
  }

  #nameOf(index: number): string {
    return this.#scene.play.layout.nodes[index]?.name ?? '';
  }
}
