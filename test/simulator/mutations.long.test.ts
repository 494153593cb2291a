// Every deliberate error is found within a bounded number of simulated worlds, also those that take some thousand.
import { mutations } from '@stillpoint/simulator';
import { expect, test } from 'vitest';
import { isFoundSoon, lookFor, violation } from './simulate.ts';

test.each(mutations.filter((each) => !isFoundSoon(each)))('$name: $what', async (mutation) => {
  expect(await lookFor(mutation)).toEqual(violation);
});
