// The simulator finds errors: each deliberate one is seen in the world of its seed, and nothing is seen there without it.
// `npm run test:long` finds each from the first seed on.
import { makePlan, mutations, runPlan } from '@stillpoint/simulator';
import { expect, it } from 'vitest';
import { simulate } from './simulate.ts';

it('there are as many as were asked for, each with a name of its own', () => {
  expect(new Set(mutations.map(({ name }) => name)).size).toBe(mutations.length);
  expect(mutations.length).toBeGreaterThanOrEqual(15);
});

it.each(mutations)('$name: $what', async ({ name, seed }) => {
  const found = await simulate('--mutation', name, '--seed', String(seed), '--no-shrink');
  expect(found).toEqual({ code: 1, stdout: expect.stringContaining(`seed ${seed}: `) as string });
  expect((await runPlan(makePlan(seed))).violations).toEqual([]);
});

it('a mutation that there is not is refused', async () => {
  expect(await simulate('--mutation', 'none')).toEqual({ code: 2, stdout: '' });
});
