// A command's time, split at the phases that it told.
import { expect, test } from 'vitest';
import { durationsOf } from './durations.ts';

const entered = [
  { phase: 'ask', atMs: 100 },
  { phase: 'prepare', atMs: 110 },
  { phase: 'restore', atMs: 150 },
  { phase: 'verify', atMs: 190 },
];

test('a phase lasts until the next one, and the last one until the end', () => {
  expect(durationsOf(entered, 200)).toEqual({ ask: 10, prepare: 40, restore: 40, verify: 10 });
});

test('what came after the end took none of the time', () => {
  expect(durationsOf(entered, 160)).toEqual({ ask: 10, prepare: 40, restore: 10, verify: 0 });
});

test('a phase that was entered twice has both times', () => {
  expect(durationsOf([...entered, { phase: 'restore', atMs: 200 }], 230)).toMatchObject({ restore: 70 });
});
