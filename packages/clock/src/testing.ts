// A clock for tests, which is moved by hand.
import type { Clock } from './clock.ts';

/** Stands still until it is moved. */
export class HandClock implements Clock {
  #nowMs = 0;
  readonly #pending = new Set<{ readonly atMs: number; readonly run: () => void }>();

  wallMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = { atMs: this.#nowMs + delayMs, run };
    this.#pending.add(timer);
    return () => this.#pending.delete(timer);
  }

  get pending(): number {
    return this.#pending.size;
  }

  move(byMs: number): void {
    const end = this.#nowMs + byMs;
    for (;;) {
      const [next] = [...this.#pending].filter(({ atMs }) => atMs <= end).toSorted((a, b) => a.atMs - b.atMs);
      if (next === undefined) break;
      this.#nowMs = next.atMs;
      this.#pending.delete(next);
      next.run();
    }
    this.#nowMs = end;
  }
}
