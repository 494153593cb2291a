// One thing at a time for each key, in the order of asking.

export class Turns {
  /** What was last asked for each key. */
  readonly #last = new Map<string, Promise<unknown>>();

  /** Does the work once all that was asked before for the key has ended, well or not. */
  async take<Result>(key: string, work: () => Promise<Result>): Promise<Result> {
    const before = this.#last.get(key) ?? Promise.resolve();
    const turn = before.then(work, work);
    this.#last.set(key, turn);
    try {
      return await turn;
    } finally {
      if (this.#last.get(key) === turn) this.#last.delete(key);
    }
  }
}
