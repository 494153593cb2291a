// The figures that every benchmark reports.
import { describe, expect, test } from 'vitest';
import { meanInterval, median, quantile, slope, summarize } from './statistics.ts';

test('a median of an odd and an even number of values', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(() => median([])).toThrow(/nothing/);
});

test('a quantile is one of the values', () => {
  const values = Array.from({ length: 100 }, (_, index) => 100 - index);
  expect(quantile(values, 0.99)).toBe(99);
  expect(quantile(values, 0.5)).toBe(50);
  expect(quantile([7], 0.99)).toBe(7);
  expect(() => quantile([], 0.5)).toThrow(/nothing/);
});

test('a summary has the extremes', () => {
  expect(summarize([5, 1, 3])).toEqual({ rounds: 3, median: 3, smallest: 1, largest: 5 });
});

describe('a confidence interval', () => {
  test('is as a statistics table has it', () => {
    // mean 3, standard deviation 1.5811, t(4) = 2.776
    const { mean, low, high } = meanInterval([1, 2, 3, 4, 5]);
    expect(mean).toBe(3);
    expect(high - mean).toBeCloseTo(1.963, 3);
    expect(mean - low).toBeCloseTo(1.963, 3);
  });

  test('of one value is none', () => {
    expect(() => meanInterval([1])).toThrow(/too few/);
  });
});

describe('a slope', () => {
  test('of a line is the line’s', () => {
    const { mean, low, high } = slope([1, 2, 3, 4], [5, 7, 9, 11]);
    expect(mean).toBeCloseTo(2);
    expect(high - low).toBeCloseTo(0);
  });

  test('of noise around a level has 0 in its interval', () => {
    const xs = Array.from({ length: 40 }, (_, index) => index);
    const noise = xs.map((x) => 100 + ((x * 7919) % 13));
    const { low, high } = slope(xs, noise);
    expect(low).toBeLessThan(0);
    expect(high).toBeGreaterThan(0);
  });

  test('of a slow leak under noise has not', () => {
    const xs = Array.from({ length: 40 }, (_, index) => index);
    expect(
      slope(
        xs,
        xs.map((x) => 100 + ((x * 7919) % 13) + x),
      ).low,
    ).toBeGreaterThan(0.5);
  });
});
