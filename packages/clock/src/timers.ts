// What is made of a clock: intervals, pauses, signals, named deadlines.
import type { Clock } from './clock.ts';

/** Calls back every `periodMs`, the first time after one period. @returns a function that ends it */
export function every(clock: Clock, periodMs: number, run: () => void): () => void {
  let isOver = false;
  let forget = (): void => undefined;
  const schedule = (): void => {
    forget = clock.after(periodMs, () => {
      run();
      if (!isOver) schedule();
    });
  };
  schedule();
  return () => {
    isOver = true;
    forget();
  };
}

/** Waits. @throws the signal's reason */
export async function pause(
  clock: Clock,
  delayMs: number,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<void> {
  signal?.throwIfAborted();
  const over = Promise.withResolvers<void>();
  const forget = clock.after(delayMs, () => over.resolve());
  const onAbort = (): void => over.reject(signal?.reason);
  signal?.addEventListener('abort', onAbort, { once: true });
  try {
    await over.promise;
  } finally {
    forget();
    signal?.removeEventListener('abort', onAbort);
  }
}

/** A signal that is aborted after a while, as `AbortSignal.timeout` is. */
export function timeoutSignal(clock: Clock, delayMs: number): AbortSignal {
  const controller = new AbortController();
  clock.after(delayMs, () => controller.abort(new DOMException('it took too long', 'TimeoutError')));
  return controller.signal;
}

/** Named timers of a machine: setting one again replaces it. */
export class Deadlines<Name extends string> {
  readonly #clock: Clock;
  readonly #onExpired: (name: Name) => void;
  readonly #pending = new Map<Name, () => void>();

  constructor(clock: Clock, onExpired: (name: Name) => void) {
    this.#clock = clock;
    this.#onExpired = onExpired;
  }

  set(name: Name, afterMs: number): void {
    this.clear(name);
    const forget = this.#clock.after(afterMs, () => {
      this.#pending.delete(name);
      this.#onExpired(name);
    });
    this.#pending.set(name, forget);
  }

  clear(name: Name): void {
    this.#pending.get(name)?.();
    this.#pending.delete(name);
  }

  clearAll(): void {
    for (const forget of this.#pending.values()) forget();
    this.#pending.clear();
  }
}
