// What happens when a machine of the explored loop hears something: its effects, in order.
import { type AnyKinded, Machine, type MachineStep } from './machine.ts';
import type { AnyCommand, Play } from './play.ts';
import { type Draft, type Leader, type Part, withNumber, withoutWord, withWord } from './state.ts';
import { expects } from './violation.ts';

/** Which of the two that may lead. */
export type Who = 'leader' | 'ghost';

type Effect =
  | { readonly kind: 'Send'; readonly node: string; readonly command: AnyCommand }
  | { readonly kind: 'SetDeadline' | 'ClearDeadline'; readonly name: string }
  | { readonly kind: 'Finish'; readonly result: string }
  | { readonly kind: 'Persist'; readonly record: { readonly value: unknown; readonly context: object } }
  | { readonly kind: 'Report'; readonly reports: readonly AnyKinded[] };

interface MemberContext {
  readonly header: { readonly fence: number };
  readonly running: { readonly step: string } | null;
  readonly reports: readonly AnyKinded[];
}

export class Scene<Kernel extends object> {
  readonly play: Play<Kernel>;
  readonly leaders: Machine;
  readonly members: Machine;
  /** Numbers of events, for what they are made of. */
  readonly #orders = new WeakMap<AnyCommand, number>();
  readonly #answers = new Map<string, number>();

  constructor(play: Play<Kernel>) {
    this.play = play;
    this.leaders = new Machine(play.leader);
    this.members = new Machine(play.member);
  }

  /** What a member's machine knows. */
  contextOf({ machine }: Part): MemberContext {
    return this.members.states.get(machine).context as MemberContext;
  }

  lead(draft: Draft<Kernel>, fence: number, { state, effects }: MachineStep): void {
    draft.leader = { fence, machine: state, armed: [], asks: [], isAlive: true };
    this.#doForLeader(draft, 'leader', effects);
  }

  tellLeader(draft: Draft<Kernel>, who: Who, event: number): void {
    const leader = draft[who];
    if (leader === null) return;
    const { state, effects } = this.leaders.step(leader.machine, event);
    if (state !== leader.machine) draft[who] = { ...leader, machine: state };
    this.#doForLeader(draft, who, effects);
  }

  #doForLeader(draft: Draft<Kernel>, who: Who, effects: readonly AnyKinded[]): void {
    for (const each of effects) {
      const effect = each as Effect;
      const leader = draft[who];
      expects(leader !== null, 'nothing follows the end');
      if (effect.kind === 'Send') this.#send(draft, effect.node, effect.command);
      else if (effect.kind === 'SetDeadline' || effect.kind === 'ClearDeadline')
        draft[who] = withDeadline(leader, effect.kind, effect.name);
      else if (effect.kind === 'Finish') this.#finish(draft, who, effect.result);
      else draft[who] = withAsk(leader, this.play.askOfLeader(each));
    }
  }

  #send(draft: Draft<Kernel>, name: string, command: AnyCommand): void {
    const index = this.play.layout.nodes.findIndex((node) => node.name === name);
    let order = this.#orders.get(command);
    if (order === undefined) {
      order = this.members.events.idOf({ kind: 'CommandReceived', command } as AnyKinded);
      this.#orders.set(command, order);
    }
    draft.orders[index] = withNumber(draft.orders[index] ?? [], order);
  }

  #finish(draft: Draft<Kernel>, who: Who, result: string): void {
    const leader = draft[who];
    if (leader === null) return;
    if (result === 'undecided') this.leave(draft, who, false);
    else draft[who] = { ...leader, armed: [], asks: [`close-${result}`] };
  }

  /** A leader is gone, or deposed and does not know it. What it wrote may still be on its way to the ledger. */
  leave(draft: Draft<Kernel>, who: Who, isAlive: boolean): void {
    const leader = draft[who];
    draft[who] = null;
    if (leader === null) return;
    const asks = isAlive ? leader.asks : leader.asks.filter((ask) => this.play.isLedgerAsk(ask));
    if (isAlive) draft.ghost = { ...leader, isAlive };
    else if (asks.length > 0) draft.ghost = { ...leader, armed: [], asks, isAlive };
  }

  /** @returns false, and does nothing, where nothing was to be kept that could not be */
  tellMember(draft: Draft<Kernel>, node: number, slot: number, event: number, isKept: boolean): boolean {
    const part = draft.nodes[node]?.parts[slot] ?? null;
    if (part === null) return false;
    const { state, effects } = this.members.step(part.machine, event);
    if (!isKept && !effects.some(({ kind }) => kind === 'Persist')) return false;
    if (state !== part.machine) setPart(draft, node, slot, { ...part, machine: state });
    for (const effect of effects) {
      if (!isKept && effect.kind === 'Persist') {
        const now = draft.nodes[node]?.parts[slot] ?? part;
        setPart(draft, node, slot, { ...now, machine: part.machine });
        return this.tellMember(draft, node, slot, this.members.events.idOf(persistFailed), true);
      }
      this.doForMember(draft, node, slot, effect);
    }
    return true;
  }

  doForMember(draft: Draft<Kernel>, node: number, slot: number, each: AnyKinded): void {
    const part = draft.nodes[node]?.parts[slot] ?? null;
    if (part === null) return;
    const effect = each as Effect;
    if (effect.kind === 'Report') {
      if (effect.reports.some(({ kind }) => kind === this.play.lastReport))
        setPart(draft, node, slot, { ...part, record: null });
      this.#report(draft, node, this.contextOf(part).header.fence);
    } else if (effect.kind === 'Persist') {
      setPart(draft, node, slot, { ...part, record: this.members.numberOf(effect.record) });
    } else if (effect.kind === 'SetDeadline' || effect.kind === 'ClearDeadline') {
      setPart(draft, node, slot, withDeadline(part, effect.kind, effect.name));
    } else {
      setPart(draft, node, slot, withAsk(part, this.play.askOfMember(each)));
    }
  }

  /** One answer for all members of the node. */
  #report(draft: Draft<Kernel>, index: number, fence: number): void {
    const parts = draft.nodes[index]?.parts ?? [];
    const key = `${index} ${fence} ${parts.map((part) => part?.machine).join(' ')}`;
    const known = this.#answers.get(key);
    if (known !== undefined) {
      draft.answers[index] = withNumber(draft.answers[index] ?? [], known);
      return;
    }
    const reports = parts.flatMap((part) => (part === null ? [] : this.contextOf(part).reports));
    this.#answers.set(key, this.sayOf(draft, index, fence, reports));
  }

  sayOf(draft: Draft<Kernel>, index: number, fence: number, reports: readonly AnyKinded[]): number {
    const name = this.play.layout.nodes[index]?.name ?? '';
    const reply = this.play.answer(fence, name, reports);
    const event = this.leaders.events.idOf({ kind: 'ReplyReceived', reply } as AnyKinded);
    draft.answers[index] = withNumber(draft.answers[index] ?? [], event);
    return event;
  }
}

const persistFailed = { kind: 'PersistFailed', message: '' };

export function setPart<Kernel>(draft: Draft<Kernel>, node: number, slot: number, part: Part | null): void {
  const found = draft.nodes[node];
  if (found === undefined || found.parts[slot] === part) return;
  draft.nodes[node] = { ...found, parts: found.parts.with(slot, part) };
}

interface Waiting {
  readonly armed: readonly string[];
  readonly asks: readonly string[];
}

function withDeadline<Owner extends Waiting>(owner: Owner, kind: string, name: string): Owner {
  const armed = kind === 'SetDeadline' ? withWord(owner.armed, name) : withoutWord(owner.armed, name);
  return armed === owner.armed ? owner : { ...owner, armed };
}

/** What is already on its way is not asked for again. */
function withAsk<Owner extends Waiting>(owner: Owner, ask: string | undefined): Owner {
  if (ask === undefined || owner.asks.some((each) => each.split('=')[0] === ask)) return owner;
  return { ...owner, asks: withWord(owner.asks, ask) };
}

/** Nothing is set any more once it has gone off. */
export const expired = <Owner extends Leader | Part>(owner: Owner, name: string): Owner => ({
  ...owner,
  armed: withoutWord(owner.armed, name),
});
