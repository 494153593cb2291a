// What is known of the phase that a verb is in, and how it reads: where, how much of how much, how fast. Pure.
import type { Progress } from '@stillpoint/coordinator';
import { count, formatBytes, formatMs } from '../format/units.ts';

/** One phase of a verb, from its first news on. */
export class Phase {
  readonly name: string;
  readonly epoch: number | undefined;
  readonly #startMs: number;
  #endMs: number | undefined;
  #last: Progress;

  constructor(first: Progress) {
    this.name = first.phase;
    this.epoch = first.epoch;
    this.#startMs = first.atMs;
    this.#last = first;
  }

  /** Whether news belongs to this phase. */
  owns(progress: Progress): boolean {
    return progress.phase === this.name && progress.epoch === this.epoch;
  }

  add(progress: Progress): void {
    this.#last = progress;
  }

  /** From now on its time stands still. */
  end(atMs: number): void {
    this.#endMs = atMs;
  }

  /** `epoch 7: dump, 2 of 3 members (1.2 s)`. @param nowMs on the coordinator's clock */
  text(nowMs: number): string {
    const said = this.#said();
    const amount = this.#amount();
    return `${said}${amount === '' ? '' : `, ${amount}`} (${formatMs(Math.max(0, (this.#endMs ?? nowMs) - this.#startMs))})`;
  }

  #said(): string {
    const { message } = this.#last;
    // many messages name epoch and phase themselves: `restoring epoch 7: lift`
    if (message.endsWith(`: ${this.name}`)) return message;
    const place = this.epoch === undefined ? this.name : `epoch ${this.epoch}: ${this.name}`;
    return message === '' || message === this.name ? place : `${place}: ${message}`;
  }

  #amount(): string {
    const { done, total, unit, atMs } = this.#last;
    if (done === undefined || unit === undefined) return '';
    if (unit === 'members')
      return total === undefined ? count(done, 'member') : `${done} of ${count(total, 'member')}`;
    const seconds = (atMs - this.#startMs) / 1000;
    const rate = seconds > 0 && done > 0 ? `, ${formatBytes(done / seconds)}/s` : '';
    return `${formatBytes(done)}${total === undefined ? '' : ` of ${formatBytes(total)}`}${rate}`;
  }
}
