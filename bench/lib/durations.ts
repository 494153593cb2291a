// Where the time of a command went, from the phases that its progress told. Pure.

export interface PhaseEntered {
  readonly phase: string;
  /** On the wall clock. */
  readonly atMs: number;
}

/** Milliseconds in each phase, from its entry to the next one's, and none after `endMs`. @param entered in their order */
export function durationsOf(entered: readonly PhaseEntered[], endMs: number): Record<string, number> {
  const durations: Record<string, number> = {};
  const entryMs = (index: number): number => Math.min(entered[index]?.atMs ?? endMs, endMs);
  for (const [index, { phase }] of entered.entries())
    durations[phase] = (durations[phase] ?? 0) + entryMs(index + 1) - entryMs(index);
  return durations;
}
