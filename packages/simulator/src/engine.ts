// Time of a simulated world: things happen one by one in the order of their moments, and nothing takes real time.

interface Happening {
  readonly atMs: number;
  readonly order: number;
  readonly isInKernel: boolean;
  run: (() => void) | undefined;
}

/** Everything that a code path awaited and that is there now has been looked at. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export class Engine {
  #nowMs = 0;
  #order = 0;
  /** A binary heap. */
  readonly #queue: Happening[] = [];
  /** How many happenings there were. */
  count = 0;
  /** How many more were the programs' and their kernels' own. */
  countInKernel = 0;

  /** Milliseconds since the world began. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** @returns a function that makes it not happen */
  after(delayMs: number, run: () => void): () => void {
    const happening = this.#add(delayMs, run, false);
    return () => {
      happening.run = undefined;
    };
  }

  /** For what programs and their kernels do: nothing of ours awaits it. */
  afterInKernel(delayMs: number, run: () => void): void {
    this.#add(delayMs, run, true);
  }

  #add(delayMs: number, run: () => void, isInKernel: boolean): Happening {
    const atMs = this.#nowMs + Math.max(0, delayMs);
    const happening: Happening = { atMs, order: this.#order, isInKernel, run };
    this.#order += 1;
    this.#push(happening);
    return happening;
  }

  /** Lets things happen until `isOver`, or until the moment `endMs`. @returns whether it is over */
  async run(isOver: () => boolean, endMs: number): Promise<boolean> {
    await settled();
    while (!isOver()) {
      const [first] = this.#queue;
      if (first === undefined || first.atMs > endMs) break;
      const next = this.#pop();
      if (next?.run === undefined) continue;
      this.#nowMs = next.atMs;
      next.run();
      if (next.isInKernel) {
        this.countInKernel += 1;
        continue;
      }
      this.count += 1;
      await settled();
    }
    this.#nowMs = isOver() ? this.#nowMs : endMs;
    return isOver();
  }

  #push(happening: Happening): void {
    const queue = this.#queue;
    let at = queue.length;
    queue.push(happening);
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = queue[above];
      if (parent === undefined || !isBefore(happening, parent)) break;
      queue[at] = parent;
      at = above;
    }
    queue[at] = happening;
  }

  #pop(): Happening | undefined {
    const queue = this.#queue;
    const [first] = queue;
    const last = queue.pop();
    if (first === undefined || last === undefined || first === last) return first;
    let at = 0;
    for (;;) {
      const left = 2 * at + 1;
      const [a, b] = [queue[left], queue[left + 1]];
      if (a === undefined) break;
      const isRight = b !== undefined && isBefore(b, a);
      const child = isRight ? b : a;
      if (!isBefore(child, last)) break;
      queue[at] = child;
      at = isRight ? left + 1 : left;
    }
    queue[at] = last;
    return first;
  }
}

const isBefore = (a: Happening, b: Happening): boolean =>
  a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
