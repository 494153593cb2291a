// The proof at the end of the demo: what it must not overlook.
import { describe, expect, test } from 'vitest';
import { compareRuns, completeLines, isIdentical, stepOf } from './comparison.ts';

const line = (step: number, state = 'a'): string => `step ${step} loss 0x1.8p+0 weights ${state}${step}`;
const run = (steps: number): string[] => [
  ...Array.from({ length: steps }, (_, index) => line(index + 1)),
  'done',
];
const ranks = (): string[][] => [run(5), run(5), run(5)];

describe('two runs', () => {
  test('that are equal', () => {
    const comparison = compareRuns(ranks(), ranks(), 5);
    expect(comparison).toEqual({ identical: 5, of: 5, ranks: 3, first: undefined });
    expect(isIdentical(comparison)).toBe(true);
  });

  test.each([
    ['a bit', (lines: string[]) => (lines[3] = line(4, 'b')), 4, 4],
    ['a lost step', (lines: string[]) => lines.splice(1, 1), 4, 2],
    ['a doubled step', (lines: string[]) => lines.splice(2, 0, line(2)), 4, 3],
    ['two steps in the wrong order', (lines: string[]) => lines.splice(1, 2, line(3), line(2)), 5, 2],
    ['a missing end', (lines: string[]) => lines.pop(), 5, undefined],
    ['a line too many', (lines: string[]) => lines.push(line(6)), 5, 6],
    ['nothing at all', (lines: string[]) => lines.splice(0), 0, 1],
  ])('of which one rank has %s', (_, spoil, identical, step) => {
    const restored = ranks();
    spoil(restored[1] ?? []);
    const comparison = compareRuns(ranks(), restored, 5);
    expect(comparison).toMatchObject({ identical, of: 5, first: { rank: 1, step } });
    expect(isIdentical(comparison)).toBe(false);
  });

  test('of which one lacks a rank', () => {
    expect(compareRuns(ranks(), ranks().slice(0, 2), 5)).toMatchObject({
      identical: 0,
      first: { rank: 2, step: 1 },
    });
  });

  test('that both ended early are not identical', () => {
    expect(isIdentical(compareRuns(ranks(), ranks(), 6))).toBe(false);
  });

  test('differ first where the training did, whatever the rank', () => {
    const restored = ranks();
    restored[0]?.splice(4, 1);
    restored[2]?.splice(1, 1);
    expect(compareRuns(ranks(), restored, 5).first).toMatchObject({ rank: 2, step: 2 });
  });
});

test('a line says its step only at its beginning', () => {
  expect(stepOf('step 12 loss')).toBe(12);
  expect(stepOf('done steps 12 weights 8a')).toBeUndefined();
});

test('half a line is no line', () => {
  expect(completeLines('step 1 a\nstep 2')).toEqual(['step 1 a']);
});
