// Every deliberate error is found within a bounded number of simulated worlds, from the first seed on.
import { mutations } from '@stillpoint/simulator';
import { expect, test } from 'vitest';
import { simulate } from './simulate.ts';

/** Most are found within some hundred worlds. */
const worldsMax = 5_000;

test.each(mutations)('$name: $what', async ({ name }) => {
  const options = ['--mutation', name, '--seed', '1', '--seeds', String(worldsMax), '--no-shrink'];
  const found = await simulate(...options);
  console.log(`${name}: ${found.stdout.trim()}`);
  expect(found).toEqual({ code: 1, stdout: expect.stringMatching(/^seed \d+: /m) as string });
});
