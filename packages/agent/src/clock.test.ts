// A restored sandbox's clocks go on from the cut.
import { expect, it } from 'vitest';
import { offsetsToContinue, readHostClocks, sandboxClocks } from './clock.ts';

it('continues from the cut, forward by less than a second', () => {
  const cut = { monotonicSeconds: 5000.25, boottimeSeconds: 6000.75 };
  for (const host of [
    { monotonicSeconds: 100.5, boottimeSeconds: 100.5 },
    { monotonicSeconds: 90_000.1, boottimeSeconds: 95_000.9 },
  ]) {
    const clocks = sandboxClocks(host, offsetsToContinue(cut, host));
    expect(clocks.monotonicSeconds - cut.monotonicSeconds).toBeGreaterThanOrEqual(0);
    expect(clocks.monotonicSeconds - cut.monotonicSeconds).toBeLessThan(1);
    expect(clocks.boottimeSeconds - cut.boottimeSeconds).toBeGreaterThanOrEqual(0);
    expect(clocks.boottimeSeconds - cut.boottimeSeconds).toBeLessThan(1);
  }
});

it('reads clocks that advance', async () => {
  const first = await readHostClocks();
  const second = await readHostClocks();
  expect(second.monotonicSeconds).toBeGreaterThan(first.monotonicSeconds);
  expect(second.boottimeSeconds).toBeGreaterThanOrEqual(first.boottimeSeconds);
});
