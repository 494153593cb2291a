// Messages from the past are known by their numbers.
import { expect, test } from 'vitest';
import { isPastAttempt, isPastEpoch, type HighestSeen } from './fencing.ts';
import { epochNumber, fenceNumber, incarnationNumber } from './ids.ts';

const numbers = (fence: number, incarnation: number, epoch: number) => ({
  fence: fenceNumber(fence),
  incarnation: incarnationNumber(incarnation),
  epoch: epochNumber(epoch),
});
const seen: HighestSeen = numbers(3, 2, 7);

test.each([
  ['the same again', numbers(3, 2, 7), false],
  ['the next epoch', numbers(3, 2, 8), false],
  ['a new leader', numbers(4, 2, 7), false],
  ['a past epoch', numbers(3, 2, 6), true],
  ['a past epoch of a new leader', numbers(4, 2, 6), true],
  ['a past leader, whatever it says', numbers(2, 3, 9), true],
  ['a past incarnation', numbers(3, 1, 9), true],
  ['a new incarnation, which may have cut nothing yet', numbers(3, 3, 1), false],
])('%s', (_name, header, isPast) => {
  expect(isPastEpoch(seen, header)).toBe(isPast);
});

test('an attempt may restore any epoch', () => {
  expect(isPastAttempt(seen, numbers(3, 3, 1))).toBe(false);
  expect(isPastAttempt(seen, numbers(3, 1, 9))).toBe(true);
  expect(isPastAttempt(seen, numbers(2, 3, 9))).toBe(true);
});
