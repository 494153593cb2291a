// Medians, spreads, confidence intervals and slopes of few measurements. Pure.

/** What several rounds of one measurement came to. */
export interface Summary {
  readonly rounds: number;
  readonly median: number;
  readonly smallest: number;
  readonly largest: number;
}

/** A mean with its 95 % confidence interval. */
export interface Interval {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** @param values at least one */
export function summarize(values: readonly number[]): Summary {
  return {
    rounds: values.length,
    median: median(values),
    smallest: Math.min(...values),
    largest: Math.max(...values),
  };
}

/** @param values at least one */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)];
  const lower = sorted[Math.ceil(sorted.length / 2) - 1];
  if (upper === undefined || lower === undefined) throw new Error('there is no median of nothing');
  return (lower + upper) / 2;
}

/** The smallest value that at least this share of them does not exceed. @param values at least one */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const found = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
  if (found === undefined) throw new Error('there is no quantile of nothing');
  return found;
}

/** Student's t: the mean of independent measurements. @param values at least two */
export function meanInterval(values: readonly number[]): Interval {
  const mean = sum(values) / values.length;
  const variance = sum(values.map((value) => (value - mean) ** 2)) / (values.length - 1);
  const half = studentT(values.length - 1) * Math.sqrt(variance / values.length);
  return { mean, low: mean - half, high: mean + half };
}

/**
 * Least squares: how much `ys` grow per unit of `xs`, with its 95 % confidence interval. An interval that has 0 in
 * it shows no trend. @param xs at least three, not all equal
 */
export function slope(xs: readonly number[], ys: readonly number[]): Interval {
  const meanX = sum(xs) / xs.length;
  const meanY = sum(ys) / ys.length;
  const spread = sum(xs.map((x) => (x - meanX) ** 2));
  const mean = sum(xs.map((x, index) => (x - meanX) * ((ys[index] ?? 0) - meanY))) / spread;
  const residue = sum(xs.map((x, index) => ((ys[index] ?? 0) - meanY - mean * (x - meanX)) ** 2));
  const half = studentT(xs.length - 2) * Math.sqrt(residue / (xs.length - 2) / spread);
  return { mean, low: mean - half, high: mean + half };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** Two-sided 95 % quantiles of Student's t for 1, 2, … degrees of freedom (any statistics table). */
const quantiles = [
  12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145, 2.131,
  2.12, 2.11, 2.101, 2.093, 2.086, 2.08, 2.074, 2.069, 2.064, 2.06, 2.056, 2.052, 2.048, 2.045, 2.042,
] as const;

function studentT(degreesOfFreedom: number): number {
  if (degreesOfFreedom < 1) throw new Error('too few measurements for a confidence interval');
  // beyond the table: within 0.2 % (Cornish-Fisher's first term)
  return quantiles[degreesOfFreedom - 1] ?? 1.96 + 2.37 / degreesOfFreedom;
}
