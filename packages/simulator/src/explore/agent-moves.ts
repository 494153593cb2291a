// What may happen next to agents and their members.
import type { Offer } from './leader-moves.ts';
import type { AnyKinded } from './machine.ts';
import { AgentLosses, nothingYet, type Seat, seatsOf } from './agent-losses.ts';
import type { AnyCommand } from './play.ts';
import { expired, type Scene, setPart } from './scene.ts';
import { type Draft, type Node, type Part, withoutWord } from './state.ts';
import { expects } from './violation.ts';

const stepFailed = (step: string): AnyKinded =>
  ({ kind: 'StepFailed', step, code: '', message: '', remedy: '', retryable: true }) as AnyKinded;

export class AgentMoves<Kernel extends object> {
  readonly #scene: Scene<Kernel>;
  readonly #losses: AgentLosses<Kernel>;

  constructor(scene: Scene<Kernel>) {
    this.#scene = scene;
    this.#losses = new AgentLosses(scene);
  }

  offer(base: Draft<Kernel>, index: number, offer: Offer<Kernel>): void {
    const node = base.nodes[index];
    if (node === undefined || node.fate === 'lost') return;
    if (!node.isAgentUp) {
      offer(
        () => `the agent of ${this.#nameOf(index)} comes back`,
        0,
        (draft) => this.#losses.restart(draft, index),
      );
    } else {
      for (const seat of seatsOf(this.#scene.play.layout, index)) this.#offerSeat(base, node, seat, offer);
      this.#losses.offerCrash(node, index, offer);
    }
    for (const { member, name } of seatsOf(this.#scene.play.layout, index)) {
      const kernel = base.kernels[member];
      const ended = kernel === undefined ? undefined : this.#scene.play.endOrphan(kernel);
      if (ended !== undefined)
        offer(
          () => `${name}: what its dead agent had begun ends`,
          0,
          (draft) => void (draft.kernels[member] = ended),
        );
    }
    this.#losses.offer(base, index, offer);
  }

  /** Nothing was heard of the leader for long: no fault while there is none, or where nothing else can happen. */
  offerLate(base: Draft<Kernel>, index: number, isQuiet: boolean, offer: Offer<Kernel>): void {
    const cost = isQuiet || base.leader === null ? 0 : 1;
    for (const seat of seatsOf(this.#scene.play.layout, index)) {
      const part = base.nodes[index]?.parts[seat.slot] ?? null;
      if (base.nodes[index]?.isAgentUp !== true || part === null) continue;
      for (const name of part.armed)
        if (!this.#scene.play.dueDeadlines.has(name)) this.#offerDeadline(seat, name, cost, offer);
    }
  }

  #offerSeat(base: Draft<Kernel>, node: Node, seat: Seat, offer: Offer<Kernel>): void {
    const { play, members } = this.#scene;
    for (const order of base.orders[seat.node] ?? []) {
      const label = (): string => `${seat.name} hears ${textOfOrder(members.events.get(order))}`;
      this.#offerTold(seat, label, 0, offer, (draft, isKept) => this.#hear(draft, seat, order, isKept));
    }
    const part = node.parts[seat.slot] ?? null;
    if (part === null) return;
    this.#offerStep(base, part, seat, offer);
    for (const ask of part.asks) this.#offerAsk(seat, ask, offer);
    for (const name of part.armed) if (play.dueDeadlines.has(name)) this.#offerDeadline(seat, name, 0, offer);
    if (part.isUntold)
      this.#offerTold(
        seat,
        () => `the agent of ${seat.name} sees its death`,
        0,
        offer,
        (draft, isKept) => {
          setPart(draft, seat.node, seat.slot, { ...part, isUntold: false });
          return this.#tell(draft, seat, { kind: 'MemberDied', reason: '' } as AnyKinded, isKept);
        },
      );
  }

  /** What is told, and the same where the agent cannot write down what follows. */
  #offerTold(
    _seat: Seat,
    label: () => string,
    cost: number,
    offer: Offer<Kernel>,
    tell: (draft: Draft<Kernel>, isKept: boolean) => boolean,
  ): void {
    offer(label, cost, (draft) => tell(draft, true));
    offer(
      () => `${label()}, and its agent can not write that down`,
      cost + 1,
      (draft) => tell(draft, false),
    );
  }

  #tell(draft: Draft<Kernel>, { node, slot }: Seat, event: AnyKinded, isKept: boolean): boolean {
    return this.#scene.tellMember(draft, node, slot, this.#scene.members.events.idOf(event), isKept);
  }

  #hear(draft: Draft<Kernel>, seat: Seat, order: number, isKept: boolean): boolean {
    const { play, members } = this.#scene;
    const node = draft.nodes[seat.node];
    const kernel = draft.kernels[seat.member];
    if (node === undefined || kernel === undefined) return false;
    const { command } = members.events.get(order) as unknown as { command: AnyCommand };
    if (play.isPast(node.seenFence, command)) return false;
    const before = node.parts[seat.slot] ?? null;
    if (command.fence > node.seenFence) draft.nodes[seat.node] = { ...node, seenFence: command.fence };
    if (node.fate === 'new') {
      this.#scene.sayOf(draft, seat.node, command.fence, []);
      return true;
    }
    if (before === null) {
      if (!play.mayBegin(kernel)) return false;
      const { state, effects } = members.take(play.startMember(seat.member, command));
      setPart(draft, seat.node, seat.slot, { ...nothingYet, machine: state });
      for (const effect of effects) this.#scene.doForMember(draft, seat.node, seat.slot, effect);
    }
    const isTold = this.#scene.tellMember(draft, seat.node, seat.slot, order, isKept);
    const after = draft.nodes[seat.node]?.parts[seat.slot] ?? null;
    const isStale = command.fence < node.seenFence;
    expects(!isStale || after?.machine === before?.machine, `${seat.name} acts on an order of the past`);
    return isTold;
  }

  #offerStep(base: Draft<Kernel>, part: Part, seat: Seat, offer: Offer<Kernel>): void {
    const { play } = this.#scene;
    const step = this.#scene.contextOf(part).running?.step;
    const kernel = base.kernels[seat.member];
    if (step === undefined || kernel === undefined || !play.isStepDue(kernel, step)) return;
    const end = (draft: Draft<Kernel>, isKept: boolean): boolean => {
      const found = play.step(draft, seat.member, step);
      const event = found === undefined ? stepFailed(step) : { kind: 'StepDone', ...found };
      return this.#tell(draft, seat, event, isKept);
    };
    this.#offerTold(seat, () => `${seat.name}: ${step} ends`, 0, offer, end);
    offer(
      () => `${seat.name}: ${step} fails`,
      1,
      (draft) => this.#tell(draft, seat, stepFailed(step), true),
    );
    offer(
      () => `${seat.name}: ${step} fails, though it was done`,
      1,
      (draft) => {
        play.step(draft, seat.member, step);
        return this.#tell(draft, seat, stepFailed(step), true);
      },
    );
  }

  #offerAsk(seat: Seat, ask: string, offer: Offer<Kernel>): void {
    const { play } = this.#scene;
    const answered = (draft: Draft<Kernel>): void => {
      const part = draft.nodes[seat.node]?.parts[seat.slot] ?? null;
      if (part !== null) setPart(draft, seat.node, seat.slot, { ...part, asks: withoutWord(part.asks, ask) });
    };
    const ledger = (draft: Draft<Kernel>, isKept: boolean): boolean => {
      answered(draft);
      return this.#tell(draft, seat, play.performForMember(draft, ask), isKept);
    };
    this.#offerTold(seat, () => `${seat.name}: the ledger answers to ${ask}`, 0, offer, ledger);
    for (const isDone of [false, true])
      offer(
        () => `${seat.name}: the ledger does not answer to ${ask}${isDone ? ', though it was done' : ''}`,
        1,
        (draft) => {
          answered(draft);
          if (isDone) play.performForMember(draft, ask);
          return this.#tell(draft, seat, play.ledgerSilent, true);
        },
      );
  }

  #offerDeadline(seat: Seat, name: string, cost: number, offer: Offer<Kernel>): void {
    this.#offerTold(
      seat,
      () => `${seat.name}: deadline ${name} expires`,
      cost,
      offer,
      (draft, isKept) => {
        const part = draft.nodes[seat.node]?.parts[seat.slot] ?? null;
        if (part !== null) setPart(draft, seat.node, seat.slot, expired(part, name));
        return this.#tell(draft, seat, { kind: 'DeadlineExpired', name } as AnyKinded, isKept);
      },
    );
  }

  #nameOf(index: number): string {
    return this.#scene.play.layout.nodes[index]?.name ?? '';
  }
}

function textOfOrder(event: AnyKinded): string {
  const { kind, fence, ...more } = (event as unknown as { command: AnyCommand }).command;
  const { decision, round } = more as { decision?: string; round?: number };
  return `${kind}${decision === undefined ? '' : ` ${decision}`}${round ?? ''} (fence ${fence})`;
}
