// Seeded chance: the same seed gives the same run. Each concern has a stream of its own, so that one more message on
// one link changes nothing elsewhere.

export interface Random {
  /** At least 0, below 1. */
  next(): number;
  /** A whole number from `low` to `high`, both included. */
  between(low: number, high: number): number;
  chance(probability: number): boolean;
  /** @throws on an empty list */
  pick<Item>(items: readonly Item[]): Item;
  /** A stream that depends on this one's seed and the name alone. */
  stream(name: string): Random;
}

/** Mulberry32 (Tommy Ettinger, 2017, public domain): small, and good enough to choose faults. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const random: Random = {
    next,
    between: (low, high) => low + Math.floor(next() * (high - low + 1)),
    chance: (probability) => next() < probability,
    pick: (items) => {
      const item = items[Math.floor(next() * items.length)];
      if (item === undefined) throw new Error('there is nothing to choose from');
      return item;
    },
    stream: (name) => seededRandom(mix(seed, ...Array.from(name))),
  };
  return random;
}

/** A 32-bit hash of a number and more numbers or characters (FNV-1a's step, then a finaliser of MurmurHash3). */
export function mix(start: number, ...parts: readonly (number | string)[]): number {
  let hash = (start ^ 0x811c9dc5) >>> 0;
  for (const part of parts) {
    const value = typeof part === 'number' ? part : (part.codePointAt(0) ?? 0);
    hash = Math.imul(hash ^ value, 0x01000193) >>> 0;
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
