// Writes a state as a short text, and reads it back: each of its parts is a number. Pure.
import { Interner } from './intern.ts';
import type { Draft, Layout, Leader, Node, Shared } from './state.ts';

/** Digits of a number in the text; two of them are enough for 2³⁰ values. */
const digit = 2 ** 15;

export class Codec<Kernel> {
  readonly #leaders = new Interner<Leader | null>();
  readonly #shared = new Interner<Shared>();
  readonly #nodes = new Interner<Node>();
  readonly #kernels = new Interner<Kernel>();
  readonly #sets = new Interner<readonly number[]>();
  readonly #nodeCount: number;
  readonly #memberCount: number;

  constructor({ nodes, places }: Layout) {
    this.#nodeCount = nodes.length;
    this.#memberCount = places.length;
  }

  write({ leader, ghost, shared, faults, nodes, kernels, orders, answers }: Draft<Kernel>): string {
    const numbers = [
      faults,
      this.#leaders.idOf(leader),
      this.#leaders.idOf(ghost),
      this.#shared.idOf(shared),
      ...nodes.map((node) => this.#nodes.idOf(node)),
      ...kernels.map((kernel) => this.#kernels.idOf(kernel)),
      ...orders.map((set) => this.#sets.idOf(set)),
      ...answers.map((set) => this.#sets.idOf(set)),
    ];
    return String.fromCharCode(...numbers.flatMap((number) => [number % digit, Math.floor(number / digit)]));
  }

  read(text: string): Draft<Kernel> {
    let at = 0;
    const next = (): number => {
      at += 2;
      return text.charCodeAt(at - 2) + digit * text.charCodeAt(at - 1);
    };
    const several = <Value>(count: number, from: Interner<Value>): Value[] =>
      Array.from({ length: count }, () => from.get(next()));
    return {
      faults: next(),
      leader: this.#leaders.get(next()),
      ghost: this.#leaders.get(next()),
      shared: this.#shared.get(next()),
      nodes: several(this.#nodeCount, this.#nodes),
      kernels: several(this.#memberCount, this.#kernels),
      orders: several(this.#nodeCount, this.#sets),
      answers: several(this.#nodeCount, this.#sets),
    };
  }
}
