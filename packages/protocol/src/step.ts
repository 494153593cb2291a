// What every machine of the protocol returns, and the assertion that guards its invariants.

/**
 * The outcome of one event: the machine's next state, plain JSON data, and what its driver must do,
 * in this order. `Persist` and `Write...` effects stand before the messages that rely on them.
 */
export interface Step<State, Effect> {
  readonly state: State;
  readonly effects: readonly Effect[];
}

/** Throws when a property of the protocol that nothing from outside can break is broken all the same. */
export function invariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`protocol invariant broken: ${message}`);
}
