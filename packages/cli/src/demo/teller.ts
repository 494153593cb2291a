// Tells the demo's story line by line. On a terminal a live table stands below what was said and is drawn over;
// elsewhere there are only the lines.
import type { Output } from '../io.ts';
import type { Look } from '../terminal.ts';

const labelColumns = 12;
const indent = '   ';
/** Moves up to where the live lines begin and clears all from there. */
const eraseUp = (lines: number): string => (lines === 0 ? '' : `\u001b[${lines}A\u001b[0J`);

export class Teller {
  readonly look: Look;
  readonly #output: Output;
  #live: readonly string[] = [];
  #acts = 0;

  constructor(output: Output, look: Look) {
    this.#output = output;
    this.look = look;
  }

  /** One plain line. */
  say(text = ''): void {
    const live = this.#live;
    this.#write(`${eraseUp(live.length)}${text}\n${linesOf(live)}`);
  }

  /** Begins the next act. */
  act(text: string): void {
    this.#acts += 1;
    this.say();
    this.say(this.look.colors.bold(`${this.#acts}. ${text}`));
  }

  /** Something that happened in this act: what, and how. */
  fact(label: string, text: string): void {
    this.say(`${indent}${this.look.colors.dim(label.padEnd(labelColumns))}${text}`);
  }

  /** Draws the live lines anew; none takes them away. Without a terminal nothing is seen of them. */
  live(lines: readonly string[]): void {
    if (!this.look.isTty) return;
    const before = this.#live;
    const columns = this.look.columns ?? Number.POSITIVE_INFINITY;
    // a line that wrapped would be two lines of the terminal
    this.#live = lines.map((line) => `${indent}${line}`.slice(0, columns - 1));
    this.#write(`${eraseUp(before.length)}${linesOf(this.#live)}`);
  }

  #write(text: string): void {
    if (text !== '') this.#output.write(text);
  }
}

const linesOf = (lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');
