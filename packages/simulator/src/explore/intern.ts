// Equal values become one value with one number: states made of them are short, and compared by numbers. Pure.

export class Interner<Value> {
  readonly #ids = new Map<string, number>();
  /** Numbers of values that came from here: these are not written out again. */
  readonly #known = new Map<Value, number>();
  readonly #values: Value[] = [];

  /** The number of what is equal to this, as JSON. */
  idOf(value: Value): number {
    const known = this.#known.get(value);
    if (known !== undefined) return known;
    const text = JSON.stringify(value);
    const found = this.#ids.get(text);
    if (found !== undefined) return found;
    const id = this.#values.length;
    this.#values.push(value);
    this.#ids.set(text, id);
    this.#known.set(value, id);
    return id;
  }

  /** @throws when no value has that number */
  get(id: number): Value {
    const value = this.#values[id];
    if (value === undefined) throw new Error(`nothing has the number ${id}`);
    return value;
  }

  get size(): number {
    return this.#values.length;
  }
}
