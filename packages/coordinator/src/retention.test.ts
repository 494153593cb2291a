// Retention keeps the newest epochs and those in use.
import { describe, expect, it } from 'vitest';
import { epochsToRemove } from './retention.ts';

describe('epochsToRemove', () => {
  it.each([
    ['nothing to do', [1, 2], 2, [], []],
    ['the oldest go', [3, 1, 2, 5], 2, [], [1, 2]],
    ['one in use stays and another goes for it', [1, 2, 3, 4], 2, [1], [2, 3]],
    ['the newest stays, whatever is in use', [1, 2, 3], 1, [1, 2], []],
    ['the newest always stays', [7], 1, [], []],
    ['none there', [], 3, [], []],
  ])('%s', (_, published, keep, inUse, removed) => {
    expect(epochsToRemove(published, keep, new Set(inUse))).toEqual(removed);
  });
});
