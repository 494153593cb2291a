// Worlds from seeds: nothing that must never be is seen, the same seed gives the same run, and what has once found
// something is run for ever. STILLPOINT_SIM_SEEDS=n runs more worlds.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { keptPlans } from './kept-plans.ts';
import { makePlan, mutations, runPlan } from './index.ts';

const seeds = Number(process.env['STILLPOINT_SIM_SEEDS'] ?? 60);

it('nothing that must never be is seen in many worlds', { timeout: 60_000 + seeds * 1_000 }, async () => {
  let published = 0;
  for (let seed = 1; seed <= seeds; seed += 1) {
    const result = await runPlan(makePlan(seed));
    published += result.published;
    expect.soft(result.violations, `seed ${seed}`).toEqual([]);
  }
  // worlds in which nothing gets done would find nothing
  expect(published).toBeGreaterThan(seeds / 2);
});

it.each(keptPlans())('what was found once: $what', async ({ plan }) => {
  expect((await runPlan(plan)).violations).toEqual([]);
});

it('the same seed gives the same run', async () => {
  const traces = await Promise.all([277, 277, 26].map(traceOf));
  expect(traces[0]?.length).toBeGreaterThan(100);
  expect(traces[1]).toEqual(traces[0]);
  expect(traces[2]).not.toEqual(traces[0]);
});

async function traceOf(seed: number): Promise<string[]> {
  const lines: string[] = [];
  await runPlan(makePlan(seed), (line) => lines.push(line));
  return lines;
}

it('every deliberate error still fits the sources that it is put into', () => {
  for (const { name, edits } of mutations)
    for (const { file, find } of edits) {
      const source = readFileSync(join(import.meta.dirname, '../..', file), 'utf8');
      expect.soft(source.split(find), `${name} in ${file}`).toHaveLength(2);
    }
});

it('docs/protocol.md lists every deliberate error, and how soon it is found', () => {
  const document = readFileSync(join(import.meta.dirname, '../../../docs/protocol.md'), 'utf8');
  for (const { name, what, within } of mutations)
    expect(document).toMatch(new RegExp(`^\\| +\`${name}\`: ${what} +\\| +${within} +\\|$`, 'm'));
});
