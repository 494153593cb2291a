// Named timers of a machine: setting one again replaces it.

export class Deadlines<Name extends string> {
  readonly #timers = new Map<Name, NodeJS.Timeout>();
  readonly #onExpired: (name: Name) => void;

  constructor(onExpired: (name: Name) => void) {
    this.#onExpired = onExpired;
  }

  set(name: Name, afterMs: number): void {
    this.clear(name);
    this.#timers.set(
      name,
      setTimeout(() => {
        this.#timers.delete(name);
        this.#onExpired(name);
      }, afterMs),
    );
  }

  clear(name: Name): void {
    clearTimeout(this.#timers.get(name));
    this.#timers.delete(name);
  }

  clearAll(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
  }
}
