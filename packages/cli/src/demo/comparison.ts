// Compares what the ranks printed with what they print when nothing happens to them: line by line, all bits. Pure.

/** The first line, in the order of the training, that is not the same. */
export interface Difference {
  readonly rank: number;
  /** The step that the line is about; undefined for a line of its own, such as the last one. */
  readonly step: number | undefined;
  /** Undefined where one of them has no such line. */
  readonly expected: string | undefined;
  readonly found: string | undefined;
}

export interface Comparison {
  /** Steps that are the same on every rank. */
  readonly identical: number;
  readonly of: number;
  readonly ranks: number;
  readonly first: Difference | undefined;
}

/** `step 12 loss 0x1.3p+1 weights 8a87…` → 12. */
export function stepOf(line: string): number | undefined {
  const digits = /^step (\d+) /.exec(line)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** The lines of a text that are complete: the last one may be half written. */
export const completeLines = (text: string): string[] => text.split('\n').slice(0, -1);

/**
 * Both runs as the lines of each rank, in their order: a line that is lost, doubled or at another place differs.
 *
 * @param steps how many the training has; a step is the same if it is there once, equal, on all ranks
 */
export function compareRuns(
  reference: readonly (readonly string[])[],
  restored: readonly (readonly string[])[],
  steps: number,
): Comparison {
  const differences = reference.flatMap((expected, rank) =>
    firstDifference(rank, expected, restored[rank] ?? []),
  );
  const agreed = reference.map((expected, rank) => sameSteps(expected, restored[rank] ?? []));
  const [first, ...others] = agreed;
  const everywhere = [...(first ?? [])].filter((step) => others.every((same) => same.has(step)));
  return {
    identical: everywhere.length,
    of: steps,
    ranks: reference.length,
    first: differences.toSorted((a, b) => (a.step ?? Infinity) - (b.step ?? Infinity) || a.rank - b.rank)[0],
  };
}

/** Whether all that was trained is the same: every step, and what else was printed. */
export const isIdentical = ({ identical, of, first }: Comparison): boolean =>
  first === undefined && identical === of;

function firstDifference(rank: number, expected: readonly string[], found: readonly string[]): Difference[] {
  const length = Math.max(expected.length, found.length);
  for (let index = 0; index < length; index += 1) {
    const wanted = expected[index];
    const got = found[index];
    if (wanted !== got) return [{ rank, step: stepOf(wanted ?? got ?? ''), expected: wanted, found: got }];
  }
  return [];
}

function sameSteps(expected: readonly string[], found: readonly string[]): Set<number> {
  const prints = Map.groupBy(found, (line) => stepOf(line));
  const same = new Set<number>();
  for (const line of expected) {
    const step = stepOf(line);
    const printed = step === undefined ? undefined : prints.get(step);
    if (step !== undefined && printed?.length === 1 && printed[0] === line) same.add(step);
  }
  return same;
}
