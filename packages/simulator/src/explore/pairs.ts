// Many pairs of numbers, in little room. Pure.

export class Pairs {
  #numbers = new Int32Array(1 << 16);
  #length = 0;

  push(from: number, to: number): void {
    if (this.#length === this.#numbers.length) {
      const larger = new Int32Array(this.#numbers.length * 2);
      larger.set(this.#numbers);
      this.#numbers = larger;
    }
    this.#numbers[this.#length] = from;
    this.#numbers[this.#length + 1] = to;
    this.#length += 2;
  }

  /** For each `to` all of its `from`. */
  reversed(count: number): (to: number, each: (from: number) => void) => void {
    const read = (numbers: Int32Array, index: number): number => numbers[index] ?? 0;
    const starts = new Int32Array(count + 2);
    // where the pairs of each `to` begin, once they are counted and added up
    for (let pair = 0; pair < this.#length; pair += 2) {
      const slot = read(this.#numbers, pair + 1) + 1;
      starts[slot] = read(starts, slot) + 1;
    }
    for (let index = 0; index < count; index += 1)
      starts[index + 1] = read(starts, index + 1) + read(starts, index);
    const next = starts.slice();
    const froms = new Int32Array(this.#length / 2);
    for (let pair = 0; pair < this.#length; pair += 2) {
      const to = read(this.#numbers, pair + 1);
      const slot = read(next, to);
      froms[slot] = read(this.#numbers, pair);
      next[to] = slot + 1;
    }
    return (to, each) => {
      for (let index = read(starts, to); index < read(starts, to + 1); index += 1) each(read(froms, index));
    };
  }
}
