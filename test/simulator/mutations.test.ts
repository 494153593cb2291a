// The simulator finds errors: each deliberate one is seen within a bounded number of worlds from the first one. `npm test`
// looks for those that are found soon, `npm run test:long` for all.
import { mutations } from '@stillpoint/simulator';
import { expect, it } from 'vitest';
import { isFoundSoon, lookFor, simulate, violation } from './simulate.ts';

it('there are as many as were asked for, each with a name of its own', () => {
  expect(new Set(mutations.map(({ name }) => name)).size).toBe(mutations.length);
  expect(mutations.filter(isFoundSoon).length).toBeGreaterThanOrEqual(15);
});

it.each(mutations.filter(isFoundSoon))('$name: $what', async (mutation) => {
  expect(await lookFor(mutation)).toEqual(violation);
});

it('a mutation that there is not is refused', async () => {
  expect(await simulate('--mutation', 'none')).toEqual({ code: 2, stdout: '' });
});
