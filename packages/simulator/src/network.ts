// A network between hosts that loses, doubles and delays messages, brings them in any order, and can be cut, one way
// or both.
import type { Engine } from './engine.ts';
import type { Random } from './random.ts';

/** What goes wrong with messages while the faults last. */
export interface NetworkFaults {
  readonly loss: number;
  readonly duplication: number;
  /** Chance of a message that takes seconds. */
  readonly slowness: number;
}

const fastMs = 3;
const slowMs = 3_000;

export class Network {
  readonly #engine: Engine;
  readonly #random: Random;
  readonly #faults: NetworkFaults;
  readonly #cut = new Set<string>();
  isFaulty = true;

  constructor(engine: Engine, random: Random, faults: NetworkFaults) {
    this.#engine = engine;
    this.#random = random;
    this.#faults = faults;
  }

  canReach(from: string, to: string): boolean {
    return from === to || !this.#cut.has(pathOf(from, to));
  }

  cut(from: string, to: string): void {
    this.#cut.add(pathOf(from, to));
  }

  mend(from: string, to: string): void {
    this.#cut.delete(pathOf(from, to));
  }

  mendAll(): void {
    this.#cut.clear();
  }

  /** A message that may be lost, doubled or late. */
  deliver(from: string, to: string, arrive: () => void): void {
    const { loss, duplication, slowness } = this.#faults;
    const copies = this.#strikes(duplication) ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      if (this.#strikes(loss)) continue;
      const longestMs = this.#strikes(slowness) ? slowMs : fastMs;
      this.#engine.after(this.#random.next() * longestMs, () => {
        if (this.canReach(from, to)) arrive();
      });
    }
  }

  #strikes(probability: number): boolean {
    return this.isFaulty && this.#random.chance(probability);
  }
}

const pathOf = (from: string, to: string): string => `${from}>${to}`;
