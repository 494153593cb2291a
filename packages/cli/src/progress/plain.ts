// Progress as plain lines: one when something new is said, and now and then one of what only counts on.
import type { Progress } from '@stillpoint/coordinator';
import { formatMs } from '../format/units.ts';
import type { Output } from '../io.ts';
import { limits } from '../limits.ts';
import type { Look } from '../terminal.ts';
import { Phase } from './phase.ts';
import type { ProgressView } from './view.ts';

export class PlainProgress implements ProgressView {
  readonly #title: string;
  readonly #output: Output;
  readonly #look: Look;
  #startMs: number | undefined;
  #phase: Phase | undefined;
  #shown: { readonly atMs: number; readonly message: string } | undefined;

  constructor(title: string, output: Output, look: Look) {
    this.#title = title;
    this.#output = output;
    this.#look = look;
  }

  report(progress: Progress): void {
    this.#startMs ??= progress.atMs;
    const isNewPhase = this.#phase?.owns(progress) !== true;
    if (isNewPhase) this.#phase = new Phase(progress);
    else this.#phase?.add(progress);
    const isNew = isNewPhase || (progress.done === undefined && progress.message !== this.#shown?.message);
    const isDue = progress.atMs - (this.#shown?.atMs ?? 0) >= limits.plainProgressMs;
    const isEnd = progress.total !== undefined && progress.done === progress.total;
    if (!isNew && !isDue && !isEnd) return;
    this.#shown = { atMs: progress.atMs, message: progress.message };
    const elapsed = this.#look.colors.dim(`[${formatMs(progress.atMs - this.#startMs)}]`);
    this.#output.write(`${elapsed} ${this.#title}: ${this.#phase?.text(progress.atMs) ?? ''}\n`);
  }

  end(): Promise<void> {
    return Promise.resolve();
  }
}
