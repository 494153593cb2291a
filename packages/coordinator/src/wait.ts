// Waiting for a condition: woken by whoever changes something, bounded by a deadline and a signal.

import { type Clock } from '@stillpoint/clock';

/** Whom a change concerns is woken to look again. */
export class Changes {
  readonly #clock: Clock;
  #next = Promise.withResolvers<void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  notify(): void {
    const { resolve } = this.#next;
    this.#next = Promise.withResolvers<void>();
    resolve();
  }

  /**
   * Looks at once, and again at every change, until there is something to see.
   *
   * @returns undefined after the deadline
   * @throws the signal's reason
   */
  async until<Found>(
    look: () => Found | undefined,
    options: { readonly deadlineMs?: number; readonly signal?: AbortSignal } = {},
  ): Promise<Found | undefined> {
    const { deadlineMs, signal } = options;
    const ended = Promise.withResolvers<'overdue'>();
    const forget =
      deadlineMs === undefined ? undefined : this.#clock.after(deadlineMs, () => ended.resolve('overdue'));
    const onAbort = (): void => ended.reject(signal?.reason);
    ended.promise.catch(() => undefined);
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      for (;;) {
        signal?.throwIfAborted();
        const found = look();
        if (found !== undefined) return found;
        if ((await Promise.race([this.#next.promise, ended.promise])) === 'overdue') return look();
      }
    } finally {
      forget?.();
      signal?.removeEventListener('abort', onAbort);
    }
  }
}

/** One at a time, in the order of asking. */
export class Turnstile {
  #last: Promise<unknown> = Promise.resolve();

  pass<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#last.then(work, work);
    this.#last = result.catch(() => undefined);
    return result;
  }
}
