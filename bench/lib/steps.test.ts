// Stalls as step times show them.
import { expect, test } from 'vitest';
import { allStepsAfter, firstStepAfter, longestGapMs, meanStepMs, normalStepMs } from './steps.ts';

// two ranks with a step every 10 ms, and a stop from 35 on; the second one goes on first
const ranks = [
  [0, 10, 20, 30, 235, 245],
  [1, 11, 21, 31, 233, 243],
];

test('the normal step time is that of the quiet window', () => {
  expect(normalStepMs(ranks, 0, 35)).toBe(10);
  expect(() => normalStepMs(ranks, 40, 200)).toThrow(/no two steps/);
});

test('the mean step time counts the steps that are whole in the window', () => {
  expect(meanStepMs(ranks, 0, 35)).toBe(10);
  expect(meanStepMs(ranks, 25, 240)).toBe((205 + 202) / 2);
  expect(() => meanStepMs(ranks, 40, 200)).toThrow(/no two steps/);
});

test('the first step after the freeze is whichever rank’s comes first', () => {
  expect(firstStepAfter(ranks, 35)).toBe(233);
  expect(firstStepAfter(ranks, 300)).toBeUndefined();
});

test('all have finished some steps when the last rank has', () => {
  expect(allStepsAfter(ranks, 1, 35)).toBe(235);
  expect(allStepsAfter(ranks, 2, 35)).toBe(245);
  expect(allStepsAfter(ranks, 3, 35)).toBeUndefined();
});

test('the longest gap counts from the last step before it', () => {
  expect(longestGapMs(ranks, 35, 300)).toBe(233 - 31);
  expect(longestGapMs(ranks, 0, 35)).toBe(9);
});
