// Questions to the ledger that are not answered yet: machines ask again at every tick, one at a time is enough.

export class Questions {
  readonly #open = new Set<string>();

  ask<Answer>(
    what: string,
    ask: () => Promise<Answer>,
    answered: (answer: Answer) => void,
    failed: (error: unknown) => void,
  ): void {
    if (this.#open.has(what)) return;
    this.#open.add(what);
    void ask()
      .finally(() => this.#open.delete(what))
      .then(answered, failed);
  }
}
