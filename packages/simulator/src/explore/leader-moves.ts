// What may happen next to those who lead.
import { ledgerKeys, takeFence, type Fence } from '@stillpoint/protocol';
import { transact } from './ledger.ts';
import type { AnyKinded } from './machine.ts';
import { expired, type Scene, type Who } from './scene.ts';
import { type Draft, withoutWord, withWord } from './state.ts';
import { expects } from './violation.ts';

/** Makes a move out of what is done to a copy of the state; `cost` is the number of faults that it is. */
export type Offer<Kernel> = (
  label: () => string,
  cost: number,
  act: (draft: Draft<Kernel>) => boolean | void,
) => void;

export class LeaderMoves<Kernel extends object> {
  readonly #scene: Scene<Kernel>;
  readonly #tick: number;

  constructor(scene: Scene<Kernel>) {
    this.#scene = scene;
    this.#tick = scene.leaders.events.idOf({ kind: 'Tick' });
  }

  /** Everything but deadlines that show that something is late. */
  offer(base: Draft<Kernel>, who: Who, offer: Offer<Kernel>): void {
    const leader = base[who];
    if (leader === null) return;
    for (const ask of leader.asks) this.#offerAsk(base, who, ask, offer);
    if (!leader.isAlive) return;
    const tell = (label: () => string, cost: number, event: number): void =>
      offer(
        () => `${who} hears ${label()}`,
        cost,
        (draft) => this.#scene.tellLeader(draft, who, event),
      );
    const { events } = this.#scene.leaders;
    for (const set of base.answers)
      for (const event of set) tell(() => textOfReply(events.get(event)), 0, event);
    tell(() => 'Tick', 0, this.#tick);
    for (const lost of this.#losses(base)) tell(() => JSON.stringify(lost), 0, events.idOf(lost));
    if (who === 'leader') {
      const { requested } = this.#scene.play;
      tell(() => requested.kind, 1, events.idOf(requested));
    }
    this.#offerDeadlines(base, who, (name) => this.#scene.play.dueDeadlines.has(name), 0, offer);
    if (who === 'ghost')
      this.#offerDeadlines(base, who, (name) => !this.#scene.play.dueDeadlines.has(name), 1, offer);
  }

  /** Deadlines that show that something is late: where nothing else can happen, or agents are not there, no fault. */
  offerLate(base: Draft<Kernel>, isQuiet: boolean, offer: Offer<Kernel>): void {
    const { play } = this.#scene;
    const isHurt =
      base.nodes.some(({ fate, isAgentUp }) => fate !== 'here' || !isAgentUp) ||
      base.kernels.some((kernel) => !play.isAlive(kernel));
    const isLate = (name: string): boolean => !play.dueDeadlines.has(name);
    const isExcused = (name: string): boolean => isQuiet || (isHurt && play.isForAgents(name));
    this.#offerDeadlines(base, 'leader', (name) => isLate(name) && isExcused(name), 0, offer);
    this.#offerDeadlines(base, 'leader', (name) => isLate(name) && !isExcused(name), 1, offer);
  }

  #offerDeadlines(
    base: Draft<Kernel>,
    who: Who,
    fits: (name: string) => boolean,
    cost: number,
    offer: Offer<Kernel>,
  ): void {
    for (const name of base[who]?.armed ?? []) {
      if (!fits(name)) continue;
      const event = this.#scene.leaders.events.idOf({ kind: 'DeadlineExpired', name } as AnyKinded);
      offer(
        () => `${who}: deadline ${name} expires`,
        cost,
        (draft) => {
          const leader = draft[who];
          if (leader !== null) draft[who] = expired(leader, name);
          this.#scene.tellLeader(draft, who, event);
        },
      );
    }
  }

  #offerAsk(base: Draft<Kernel>, who: Who, ask: string, offer: Offer<Kernel>): void {
    const { play } = this.#scene;
    const [what = '', answer] = ask.split('=');
    const isHeard = base[who]?.isAlive === true;
    if (answer === undefined) {
      offer(
        () => `${what} of the ${who} is done`,
        0,
        (draft) => this.#perform(draft, who, what),
      );
    } else {
      offer(
        () => `${who} is answered: ${ask}`,
        0,
        (draft) => this.#answer(draft, who, ask, play.answerToLeader(what, answer)),
      );
    }
    if (!isHeard || what.startsWith('close-')) return;
    if (!play.isLedgerAsk(what)) {
      if (answer === undefined)
        offer(
          () => `${what} fails`,
          1,
          (draft) => this.#answer(draft, who, ask, play.failureOf(what)),
        );
      return;
    }
    // the ledger is silent; what is on its way may be done later all the same
    offer(
      () => `the ${who} gets no answer to ${ask}`,
      1,
      (draft) =>
        answer === undefined
          ? this.#tell(draft, who, ledgerUnavailable)
          : this.#answer(draft, who, ask, ledgerUnavailable),
    );
  }

  #perform(draft: Draft<Kernel>, who: Who, ask: string): void {
    const leader = draft[who];
    if (leader === null) return;
    const answer = this.#scene.play.perform(draft, leader, ask);
    if (ask.startsWith('close-') && answer !== undefined) {
      draft[who] = null;
    } else if (answer === undefined) {
      this.#answer(draft, who, ask, ledgerUnavailable);
    } else {
      draft[who] = { ...leader, asks: withWord(withoutWord(leader.asks, ask), `${ask}=${answer}`) };
      if (!leader.isAlive) this.#forget(draft, ask);
    }
  }

  /** The dead wait for no answer. */
  #forget(draft: Draft<Kernel>, ask: string): void {
    const { ghost } = draft;
    const asks = (ghost?.asks ?? []).filter((each) => each.split('=')[0] !== ask);
    draft.ghost = ghost === null || asks.length === 0 ? null : { ...ghost, asks };
  }

  #answer(draft: Draft<Kernel>, who: Who, ask: string, event: AnyKinded): void {
    const leader = draft[who];
    if (leader === null) return;
    if (!leader.isAlive) return this.#forget(draft, ask);
    draft[who] = { ...leader, asks: withoutWord(leader.asks, ask) };
    this.#tell(draft, who, event);
  }

  #tell(draft: Draft<Kernel>, who: Who, event: AnyKinded): void {
    this.#scene.tellLeader(draft, who, this.#scene.leaders.events.idOf(event));
  }

  #losses({ nodes, kernels }: Draft<Kernel>): AnyKinded[] {
    const { play } = this.#scene;
    const lostNodes = play.layout.nodes.filter((_node, index) => nodes[index]?.fate === 'lost');
    const gone = nodes.map(({ fate }) => fate === 'lost');
    return [
      ...lostNodes.map(({ name }) => ({ kind: 'NodeLost', node: name })),
      ...kernels.flatMap((kernel, member) => {
        const isOfLostNode = play.layout.nodes.some(
          (node, index) => gone[index] === true && node.members.includes(member),
        );
        return play.isAlive(kernel) || isOfLostNode ? [] : (play.memberLost(member) ?? []);
      }),
    ];
  }

  /** Leaders go, and others come. */
  offerChanges(base: Draft<Kernel>, offer: Offer<Kernel>): void {
    const { leader, shared } = base;
    if (leader !== null) {
      offer(
        () => 'the leader dies',
        1,
        (draft) => this.#scene.leave(draft, 'leader', false),
      );
      offer(
        () => 'the leader is cut off, and goes on',
        1,
        (draft) => this.#scene.leave(draft, 'leader', true),
      );
    } else if (shared.closed === null) {
      offer(
        () => 'another takes the lead',
        0,
        (draft) => this.#succeed(draft),
      );
    }
  }

  #succeed(draft: Draft<Kernel>): void {
    const { play, leaders } = this.#scene;
    const past = draft.shared.ledger[ledgerKeys.fence] as Fence;
    const ledger = transact(draft.shared.ledger, takeFence(past));
    expects(ledger !== undefined, 'the lead can be taken');
    draft.shared = { ...draft.shared, ledger };
    this.#scene.lead(draft, past + 1, leaders.take(play.recoverLeader(past + 1, draft.shared)));
    const { ghost } = draft;
    if (ghost === null || ghost.isAlive) return;
    // what is refused from now on is as good as never asked
    const asks = ghost.asks.filter((ask) => play.perform({ ...draft }, ghost, ask) !== undefined);
    draft.ghost = asks.length === 0 ? null : { ...ghost, asks };
  }
}

const ledgerUnavailable = { kind: 'LedgerUnavailable' };

/** A reply as people read it: its node, and what it says. */
function textOfReply(event: AnyKinded): string {
  const { reply } = event as unknown as {
    reply: {
      node: string;
      fence: number;
      reports: { kind: string; member: number; phase?: string }[];
    };
  };
  const words = reply.reports.map(
    ({ kind, member, phase }) => `${member}:${kind}${phase === undefined ? '' : `(${phase})`}`,
  );
  return `${reply.node} (fence ${reply.fence}): ${words.join(' ') || 'nothing known'}`;
}
