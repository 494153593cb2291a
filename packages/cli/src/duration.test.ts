// Durations as they are typed.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseDuration } from './duration.ts';

describe('a duration', () => {
  test.each([
    ['30s', 30_000],
    ['5m', 300_000],
    ['1h30m', 5_400_000],
    ['1h30m15s', 5_415_000],
    ['2d', 172_800_000],
    ['250ms', 250],
    ['1m250ms', 60_250],
    ['1.5h', 5_400_000],
    ['1h0.5m', 3_630_000],
    ['1.1h', 3_960_000],
    ['0s', 0],
    ['90m', 5_400_000],
  ])('%s is %i ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  test.each([
    '',
    '30',
    's',
    '-5s',
    '+5s',
    '5 s',
    ' 5s',
    '5s ',
    '5S',
    '5x',
    '30m1h',
    '5s5s',
    '1.5h30m',
    '1.s',
    '.5s',
    '1,5s',
    '1e3s',
    '0x10s',
    '1.0001ms',
    '99999999999999999d',
    '५s',
    '5s\n',
  ])('%j is none', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });

  test('any mixture of units is the sum of its parts', () => {
    const part = fc.integer({ min: 0, max: 999 });
    fc.assert(
      fc.property(part, part, part, (hours, minutes, seconds) => {
        expect(parseDuration(`${hours}h${minutes}m${seconds}s`)).toBe(
          (hours * 3600 + minutes * 60 + seconds) * 1000,
        );
      }),
    );
  });
});
