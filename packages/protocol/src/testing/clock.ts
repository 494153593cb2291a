// Time of a simulated world: things happen in the order of their moments, and nothing takes real time.

interface Happening {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

export class SimulatedClock {
  nowMs = 0;
  #order = 0;
  readonly #queue: Happening[] = [];

  after(delayMs: number, run: () => void): void {
    const happening = { atMs: this.nowMs + delayMs, order: this.#order++, run };
    // The queue is short: a sorted array does.
    let at = this.#queue.length;
    while (at > 0 && isLater(this.#queue[at - 1], happening)) at -= 1;
    this.#queue.splice(at, 0, happening);
  }

  /** Runs what is due next; false when nothing ever will be. */
  step(): boolean {
    const next = this.#queue.shift();
    if (next === undefined) return false;
    this.nowMs = next.atMs;
    next.run();
    return true;
  }
}

const isLater = (a: Happening | undefined, b: Happening): boolean =>
  a !== undefined && (a.atMs > b.atMs || (a.atMs === b.atMs && a.order > b.order));
