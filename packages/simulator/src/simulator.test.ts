// Worlds from seeds: nothing that must never be is seen, the same seed gives the same run, and what has once found
// something is run for ever. STILLPOINT_SIM_SEEDS=n runs more worlds.
import { expect, it } from 'vitest';
import { keptPlans } from './kept-plans.ts';
import { makePlan, runPlan } from './index.ts';
import { arrive, judgeCut, newTraining, readAll, write } from './training.ts';

const seeds = Number(process.env['STILLPOINT_SIM_SEEDS'] ?? 150);

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
  const traces = await Promise.all([26, 26, 277].map(traceOf));
  expect(traces[0]?.length).toBeGreaterThan(100);
  expect(traces[1]).toEqual(traces[0]);
  expect(traces[2]).not.toEqual(traces[0]);
});

async function traceOf(seed: number): Promise<string[]> {
  const lines: string[] = [];
  await runPlan(makePlan(seed), (line) => lines.push(line));
  return lines;
}

it('programs notice a message that is lost, doubled or of another timeline', () => {
  const [sender, receiver] = [newTraining(0, 2), newTraining(1, 2)];
  const messages = [11, 12, 13].map((nonce) => write(sender, 1, nonce)!);
  const end = receiver.ends.get(0)!;
  arrive(end, messages[0]!);
  readAll(receiver);
  end.receiveQueue.push(messages[2]!);
  expect(() => readAll(receiver)).toThrow('member 1 got a message of member 0 that is not the next one');
});

it('a cut is judged by what is in queues on both sides', () => {
  const [sender, receiver] = [newTraining(0, 2), newTraining(1, 2)];
  const first = write(sender, 1, 11)!;
  write(sender, 1, 12);
  expect(judgeCut([sender, receiver])).toEqual([]);
  arrive(receiver.ends.get(0)!, first);
  expect(judgeCut([sender, receiver])).toEqual([]);
  sender.ends.get(1)!.sendQueue.pop();
  expect(judgeCut([sender, receiver])).toEqual([expect.stringContaining('would never get')]);
});
