// What the time stamps of a training's steps say of a stop: how long nothing was finished. Pure; times in
// milliseconds of the wall clock, which is the same in every sandbox.

/** When one rank's steps ended, in their order. */
export type StepEnds = readonly number[];

/** Median time between two steps of a rank, of those that ended within a window in which nothing disturbed them. */
export function normalStepMs(ranks: readonly StepEnds[], fromMs: number, toMs: number): number {
  return medianOf(gapsWithin(ranks, fromMs, toMs));
}

/** Mean time of a step, over the whole steps of all ranks within a window. */
export function meanStepMs(ranks: readonly StepEnds[], fromMs: number, toMs: number): number {
  const gaps = gapsWithin(ranks, fromMs, toMs);
  return gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
}

/** When the first step of any rank ended after a moment; undefined when none has yet. */
export function firstStepAfter(ranks: readonly StepEnds[], atMs: number): number | undefined {
  const firsts = ranks.flatMap((ends) => ends.find((end) => end > atMs) ?? []);
  return firsts.length === 0 ? undefined : Math.min(...firsts);
}

/** When every rank had finished so many steps after a moment: it takes two until one has waited for all the others. */
export function allStepsAfter(ranks: readonly StepEnds[], count: number, atMs: number): number | undefined {
  const reached = ranks.map((ends) => ends.filter((end) => end > atMs)[count - 1]);
  return reached.every((end) => end !== undefined) ? Math.max(...reached) : undefined;
}

/** The longest time in which no rank finished a step, among those that end within a window. */
export function longestGapMs(ranks: readonly StepEnds[], fromMs: number, toMs: number): number {
  const all = ranks.flat().toSorted((a, b) => a - b);
  const first = all.findIndex((end) => end >= fromMs);
  const last = all.findLastIndex((end) => end <= toMs);
  return Math.max(0, ...differences(all.slice(Math.max(0, first - 1), last + 1)));
}

function gapsWithin(ranks: readonly StepEnds[], fromMs: number, toMs: number): number[] {
  const gaps = ranks.flatMap((ends) => differences(ends.filter((end) => end >= fromMs && end <= toMs)));
  if (gaps.length === 0) throw new Error(`no two steps ended between ${fromMs} and ${toMs}`);
  return gaps;
}

function differences(values: readonly number[]): number[] {
  return values.slice(1).map((value, index) => value - (values[index] ?? value));
}

function medianOf(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
