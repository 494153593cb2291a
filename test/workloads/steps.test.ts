// Parsing and comparing: whatever differs between two runs is found and named.
import { expect, test } from 'vitest';
import { compareRuns, parseSteps, parseTimes, verdictOf } from './steps.ts';

const reference = parseSteps('step 0 a\nstep 1 b\nstep 2 c\nOK steps 3\n');

test('steps are parsed; other lines and a half line at the end are not', () => {
  expect(parseSteps('progress\nstep 0 loss 1 sum 2\nstep x\nstep 1 ha')).toEqual([
    { step: 0, state: 'loss 1 sum 2' },
  ]);
});

test("a torchrun worker's lines are picked by its prefix", () => {
  const text = '[default0]:step 0 a\n[default1]:step 0 b\n[default1]:OK steps 1\n';
  expect(parseSteps(text, 1)).toEqual([{ step: 0, state: 'b' }]);
  expect(parseSteps(text)).toEqual([]);
  expect(verdictOf(text, 0)).toEqual({ kind: 'unfinished' });
  expect(verdictOf(text, 1)).toEqual({ kind: 'ok', line: 'OK steps 1' });
});

test('times are whole nanoseconds', () => {
  expect(parseTimes('step 4 12345678901234567890 2\n')).toEqual([
    { step: 4, monotonicNs: 12345678901234567890n, realtimeNs: 2n },
  ]);
});

test('CORRUPT outweighs OK', () => {
  expect(verdictOf('CORRUPT: gone\nOK steps 3\n')).toEqual({ kind: 'corrupt', line: 'CORRUPT: gone' });
});

test('steps that were printed again after a restore count once, if they are equal', () => {
  const restored = parseSteps('step 0 a\nstep 1 b\nstep 1 b\nstep 2 c\n');
  expect(compareRuns([reference], [restored])).toEqual({
    identical: 3,
    of: 3,
    ranks: 1,
    firstDifference: undefined,
  });
});

test.each([
  ['missing', 'step 0 a\nstep 2 c\n', 1, 2],
  ['different', 'step 0 a\nstep 1 x\nstep 2 c\n', 1, 2],
  ['different', 'step 0 a\nstep 1 b\nstep 2 c\nstep 1 x\n', 1, 2],
  ['extra', 'step 0 a\nstep 1 b\nstep 2 c\nstep 3 d\n', 3, 3],
])('a step that is %s is found', (why, text, step, identical) => {
  const comparison = compareRuns([reference, reference], [reference, parseSteps(text)]);
  expect(comparison).toMatchObject({ identical, of: 3, ranks: 2 });
  expect(comparison.firstDifference).toMatchObject({ rank: 1, step, why });
});

test('a rank that is missing altogether is a difference, and so is one too many', () => {
  expect(compareRuns([reference, reference], [reference])).toMatchObject({ identical: 0, of: 3 });
  expect(compareRuns([reference], [reference, reference]).firstDifference).toMatchObject({
    rank: 1,
    why: 'extra',
  });
});
