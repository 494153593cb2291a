// Visits every state that can be reached, the nearest first, and finds states from which nothing good can be reached
// any more. Knows nothing of what the states mean. Pure.
import { Pairs } from './pairs.ts';
import { Violation } from './violation.ts';

/** A step from a state to another. */
export interface Move {
  readonly label: () => string;
  /** It goes on without a new fault, by those who are obliged to go on. */
  readonly isCalm: boolean;
  /** The state that it leads to; or what was seen there that must never be. */
  readonly to: string | Violation;
}

export interface Model {
  readonly initial: string;
  moves(state: string): readonly Move[];
  /** @throws `Violation` */
  check(state: string): void;
  /** Whether all has come to an end as it should. */
  isGoodEnd(state: string): boolean;
  /** A state as people read it. */
  describe(state: string): string;
}

export interface SearchBounds {
  readonly depthMax: number;
  readonly statesMax: number;
}

export interface Finding {
  readonly what: string;
  /** The shortest way to it. */
  readonly trace: readonly string[];
}

export interface SearchResult {
  readonly states: number;
  readonly transitions: number;
  /** Steps to the state that is farthest away. */
  readonly depth: number;
  /** Whether every state that can be reached was visited. */
  readonly isComplete: boolean;
  readonly goodEnds: number;
  readonly finding: Finding | undefined;
}

export class Search {
  readonly #model: Model;
  readonly #bounds: SearchBounds;
  readonly #indices = new Map<string, number>();
  readonly #states: string[] = [];
  readonly #parents: number[] = [];
  /** Calm moves, as pairs of from and to. */
  readonly #calm = new Pairs();
  readonly #good: number[] = [];
  /** How many states were gone on from; the others are the frontier. */
  #visited = 0;
  #transitions = 0;

  constructor(model: Model, bounds: SearchBounds) {
    this.#model = model;
    this.#bounds = bounds;
  }

  run(): SearchResult {
    let depth = 0;
    let finding = this.#add(this.#model.initial, -1);
    while (finding === undefined && this.#visited < this.#states.length && depth < this.#bounds.depthMax) {
      const levelEnd = this.#states.length;
      while (finding === undefined && this.#visited < levelEnd && !this.#isFull) finding = this.#visit();
      if (this.#isFull) break;
      if (this.#states.length > levelEnd) depth += 1;
    }
    const isComplete = finding === undefined && this.#visited === this.#states.length;
    finding ??= this.#findDeadEnd();
    return {
      states: this.#states.length,
      transitions: this.#transitions,
      depth,
      isComplete,
      goodEnds: this.#good.length,
      finding,
    };
  }

  get #isFull(): boolean {
    return this.#states.length >= this.#bounds.statesMax;
  }

  #visit(): Finding | undefined {
    const from = this.#visited;
    this.#visited += 1;
    for (const { label, isCalm, to } of this.#model.moves(this.#stateAt(from))) {
      this.#transitions += 1;
      if (to instanceof Violation) return { what: to.message, trace: [...this.#traceTo(from), label()] };
      const known = this.#indices.get(to);
      const index = known ?? this.#states.length;
      if (isCalm) this.#calm.push(from, index);
      const finding = known === undefined ? this.#add(to, from) : undefined;
      if (finding !== undefined) return finding;
    }
    return undefined;
  }

  #add(state: string, parent: number): Finding | undefined {
    const index = this.#states.length;
    this.#indices.set(state, index);
    this.#states.push(state);
    this.#parents.push(parent);
    try {
      this.#model.check(state);
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      return { what: error.message, trace: [...this.#traceTo(index), this.#model.describe(state)] };
    }
    if (this.#model.isGoodEnd(state)) this.#good.push(index);
    return undefined;
  }

  /**
   * The nearest state from which no calm way leads to a good end. Whoever goes on from the frontier is given the
   * benefit of the doubt.
   */
  #findDeadEnd(): Finding | undefined {
    const ends = new Uint8Array(this.#states.length);
    const queue = [...this.#good];
    for (let index = this.#visited; index < this.#states.length; index += 1) queue.push(index);
    for (const index of queue) ends[index] = 1;
    const forEachPredecessor = this.#calm.reversed(this.#states.length);
    for (let at = queue.pop(); at !== undefined; at = queue.pop()) {
      forEachPredecessor(at, (from) => {
        if (ends[from] === 1) return;
        ends[from] = 1;
        queue.push(from);
      });
    }
    const dead = ends.indexOf(0);
    if (dead === -1) return undefined;
    const trace = [...this.#traceTo(dead), this.#model.describe(this.#stateAt(dead))];
    return { what: 'from here nothing leads to a good end without a further fault', trace };
  }

  #traceTo(index: number): string[] {
    const labels: string[] = [];
    for (let at = index; ;) {
      const parent = this.#parents[at] ?? -1;
      if (parent < 0) return labels.reverse();
      const state = this.#stateAt(at);
      const move = this.#model.moves(this.#stateAt(parent)).find(({ to }) => to === state);
      labels.push(move?.label() ?? '?');
      at = parent;
    }
  }

  #stateAt(index: number): string {
    const state = this.#states[index];
    if (state === undefined) throw new Error(`there is no state ${index}`);
    return state;
  }
}
