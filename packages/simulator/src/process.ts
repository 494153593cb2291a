// A simulated process: it can be killed, and stopped for any time, between any two of its steps. It has clocks of its
// own, which drift and, the calendar's, jump.
import type { Clock } from '@stillpoint/clock';
import type { Engine } from './engine.ts';

/** 2026-01-01: any day will do. */
const beginMs = Date.UTC(2026, 0, 1);

export class SimulatedProcess {
  readonly name: string;
  /** Where it runs: what the network knows. */
  readonly host: string;
  readonly clock: Clock;
  readonly #waiting: (() => void)[] = [];
  #state: 'running' | 'stopped' | 'dead' = 'running';
  #wallOffsetMs = 0;

  /** @param rate how fast its clocks go; 1 is right */
  constructor(engine: Engine, name: string, host: string, rate: number) {
    this.name = name;
    this.host = host;
    this.clock = {
      wallMs: () => Math.round(beginMs + engine.nowMs * rate + this.#wallOffsetMs),
      monotonicMs: () => engine.nowMs * rate,
      after: (delayMs, run) => {
        let isForgotten = false;
        const cancel = engine.after(delayMs / rate, () =>
          this.enter(() => {
            if (!isForgotten) run();
          }),
        );
        return () => {
          isForgotten = true;
          cancel();
        };
      },
    };
  }

  get isAlive(): boolean {
    return this.#state !== 'dead';
  }

  get isStopped(): boolean {
    return this.#state === 'stopped';
  }

  /** Something reaches the process: now, or once it goes on; never when it is dead. */
  enter(run: () => void): void {
    if (this.#state === 'running') run();
    else if (this.#state === 'stopped') this.#waiting.push(run);
  }

  /** SIGSTOP. */
  stop(): void {
    if (this.#state === 'running') this.#state = 'stopped';
  }

  /** SIGCONT: everything that came meanwhile, at once. */
  goOn(): void {
    if (this.#state !== 'stopped') return;
    this.#state = 'running';
    for (const run of this.#waiting.splice(0)) this.enter(run);
  }

  /** SIGKILL. */
  kill(): void {
    this.#state = 'dead';
    this.#waiting.length = 0;
  }

  /** Somebody sets the calendar. */
  jump(byMs: number): void {
    this.#wallOffsetMs += byMs;
  }
}
