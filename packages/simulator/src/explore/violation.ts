// Something was seen that must never be.

/** Thrown while a state is made or looked at; the search prints the way there. */
export class Violation extends Error {}

/** @throws `Violation` unless it holds */
export function expects(condition: boolean, what: string): asserts condition {
  if (!condition) throw new Violation(what);
}
