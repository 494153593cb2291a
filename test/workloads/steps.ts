// Reads what the workloads print and compares two runs step by step. Pure: no IO.

/** One `step N ...` line: the step's number, and all that the line says of its state. */
export type StepRecord = { readonly step: number; readonly state: string };

/** When a step ended, as `--times` of ddp.py notes it. The monotonic clock may be shifted by a time namespace. */
type StepTime = { readonly step: number; readonly monotonicNs: bigint; readonly realtimeNs: bigint };

/** How a workload ended, by its output alone. */
type Verdict =
  | { readonly kind: 'ok'; readonly line: string }
  | { readonly kind: 'corrupt'; readonly line: string }
  | { readonly kind: 'unfinished' };

type Difference = {
  readonly rank: number;
  readonly step: number;
  readonly why: 'missing' | 'different' | 'extra';
  readonly reference: string | undefined;
  readonly restored: string | undefined;
};

export type Comparison = {
  /** Steps that are the same, bit for bit, on every rank. */
  readonly identical: number;
  /** Steps of the reference run. */
  readonly of: number;
  readonly ranks: number;
  readonly firstDifference: Difference | undefined;
};

/** Complete lines only: a process that was killed may have left half of one. */
function linesOf(text: string, localRank?: number): readonly string[] {
  const lines = text.split('\n').slice(0, -1);
  if (localRank === undefined) return lines;
  const prefix = `[default${String(localRank)}]:`;
  return lines.filter((line) => line.startsWith(prefix)).map((line) => line.slice(prefix.length));
}

/** The steps of one rank's output or step log, in order, repeats included. `localRank` picks a torchrun worker's lines. */
export function parseSteps(text: string, localRank?: number): readonly StepRecord[] {
  const records: StepRecord[] = [];
  for (const line of linesOf(text, localRank)) {
    const [, step, state] = /^step (\d+) (.*)$/.exec(line) ?? [];
    if (step !== undefined && state !== undefined) records.push({ step: Number(step), state });
  }
  return records;
}

/** The content of a file that `ddp.py --times` wrote. */
export function parseTimes(text: string): readonly StepTime[] {
  return parseSteps(text).map(({ step, state }) => {
    const [monotonicNs = '', realtimeNs = ''] = state.split(' ');
    return { step, monotonicNs: BigInt(monotonicNs), realtimeNs: BigInt(realtimeNs) };
  });
}

/** A CORRUPT line anywhere outweighs an OK line. */
export function verdictOf(text: string, localRank?: number): Verdict {
  const lines = linesOf(text, localRank);
  const bad = lines.find((line) => line.startsWith('CORRUPT:'));
  if (bad !== undefined) return { kind: 'corrupt', line: bad };
  const good = lines.find((line) => line.startsWith('OK '));
  return good === undefined ? { kind: 'unfinished' } : { kind: 'ok', line: good };
}

function statesByStep(records: readonly StepRecord[]): Map<number, readonly string[]> {
  const states = new Map<number, readonly string[]>();
  for (const { step, state } of records) states.set(step, [...(states.get(step) ?? []), state]);
  return states;
}

/**
 * Compares two runs, each given as one list of steps a rank. A restored run may have printed a step more than once
 * (before the cut, and again after it): every print must equal the reference.
 */
export function compareRuns(
  reference: readonly (readonly StepRecord[])[],
  restored: readonly (readonly StepRecord[])[],
): Comparison {
  const differing = new Set<number>();
  const all = new Set<number>();
  const differences: Difference[] = [];
  const note = (difference: Difference): void => {
    differing.add(difference.step);
    differences.push(difference);
  };
  for (let rank = 0; rank < Math.max(reference.length, restored.length); rank += 1) {
    const wanted = statesByStep(reference[rank] ?? []);
    const found = statesByStep(restored[rank] ?? []);
    for (const [step, [state]] of wanted) {
      all.add(step);
      const prints = found.get(step);
      const wrong = prints?.find((print) => print !== state);
      if (prints === undefined) note({ rank, step, why: 'missing', reference: state, restored: undefined });
      else if (wrong !== undefined) note({ rank, step, why: 'different', reference: state, restored: wrong });
    }
    for (const [step, [state]] of found) {
      if (!wanted.has(step)) note({ rank, step, why: 'extra', reference: undefined, restored: state });
    }
  }
  const first = differences.toSorted((a, b) => a.step - b.step || a.rank - b.rank)[0];
  const identical = [...all].filter((step) => !differing.has(step)).length;
  return { identical, of: all.size, ranks: reference.length, firstDifference: first };
}
