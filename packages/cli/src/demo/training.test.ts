// What the demo reads of the ranks' output.
import { expect, test } from 'vitest';
import { parseHexFloat } from './training.ts';

test.each([
  ['0x1.8000000000000p+1', 3],
  ['-0x1.0p-2', -0.25],
  ['0x0.0p+0', 0],
  ['0x1p+0', 1],
  ['0x1.2b53c40000000p+1', 2.33849382400512695],
])('%s is %f', (text, value) => {
  expect(parseHexFloat(text)).toBe(value);
});

test.each(['', 'nan', 'inf', '1.5', '0x1.8', '0x1.8p', '0x1.gp+1'])('%j is no float of ours', (text) => {
  expect(parseHexFloat(text)).toBeUndefined();
});
