// Periodic checkpoints: one timer a gang. The next one is due `every` after the last one began; one that is missed is
// not made up for.
import type { Checkpoints } from './checkpoints.ts';
import type { Context } from './context.ts';
import type { Gang } from './gang.ts';
import { limits } from './limits.ts';

export class Periodic {
  readonly #context: Context;
  readonly #checkpoints: Checkpoints;
  /** What forgets the next one, by the gang's name. */
  readonly #due = new Map<string, () => void>();

  constructor(context: Context, checkpoints: Checkpoints) {
    this.#context = context;
    this.#checkpoints = checkpoints;
    context.closing.addEventListener('abort', () => this.#stop(), { once: true });
  }

  /** Begins a gang's timer, if it has an interval. */
  watch(gang: Gang): void {
    const lastMs = Math.max(
      gang.epochs.at(-1)?.opened.startedAtMs ?? 0,
      gang.current?.opened.openedAtMs ?? 0,
    );
    this.#schedule(gang, lastMs);
  }

  unwatch(gang: Gang): void {
    this.#due.get(gang.name)?.();
    this.#due.delete(gang.name);
  }

  #schedule(gang: Gang, lastMs: number): void {
    const { everyMs } = gang.record;
    const { clock, closing, gangs } = this.#context;
    if (everyMs === undefined || closing.aborted || gangs.find(gang.name) !== gang) return;
    const dueMs = Math.min(Math.max(lastMs + everyMs - clock.wallMs(), limits.periodicGapMs), everyMs);
    this.#due.get(gang.name)?.();
    const due = (): void => {
      const beganMs = clock.wallMs();
      void this.#take(gang).finally(() => this.#schedule(gang, beganMs));
    };
    this.#due.set(gang.name, clock.after(dueMs, due));
  }

  async #take(gang: Gang): Promise<void> {
    if (!gang.isRunning || gang.operation !== undefined || gang.epochRun !== undefined) return;
    const { log, closing } = this.#context;
    try {
      const request = { outcome: 'resume', until: 'published' } as const;
      await this.#checkpoints.take(gang, request, 'periodic', { signal: closing, report: () => undefined });
    } catch (error) {
      if (!closing.aborted) log.warn({ gang: gang.name, err: error }, 'a periodic checkpoint was not made');
    }
  }

  #stop(): void {
    for (const forget of this.#due.values()) forget();
    this.#due.clear();
  }
}
