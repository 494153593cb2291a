// Subscribers that can leave, also while they are being called.

export class Listeners<Value> {
  readonly #listeners = new Set<(value: Value) => void>();

  /** @returns a function that ends the subscription */
  add(listener: (value: Value) => void): () => void {
    // a function of its own, so that adding the same listener twice means two subscriptions
    const own = (value: Value): void => listener(value);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  call(value: Value): void {
    for (const listener of Array.from(this.#listeners)) listener(value);
  }
}
