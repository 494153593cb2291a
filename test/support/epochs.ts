// Many epochs in a row on one gang: nothing that one of them took of the machine is still taken after it.
import { expect } from 'vitest';
import { type Footprint, takeCpuMs, takeFootprint } from './footprint.ts';
import type { TestGang } from './gang.ts';
import type { Stillpoint } from './stillpoint.ts';
import { until } from './until.ts';

/** Published epochs that the gang must keep, so that from some epoch on one is removed for each new one. */
export const epochsKept = 3;
/** Epochs after which all that is made once has been made. */
const epochsToSettle = 5;
/** What a garbage-collected heap may have grown by, however many epochs there were. */
const residentGrowthBytesMax = 48 * 2 ** 20;
/** What the ledger may keep of an epoch and its members for ever. */
const ledgerBytesPerEpochMax = 16 * 1024;

export interface EpochCosts {
  /** How long each epoch stopped the gang, and how long its checkpoint took, settling epochs left out. */
  readonly stallMs: readonly number[];
  readonly durationMs: readonly number[];
  /** CPU time of the coordinator and the agents in the first and in the last third of those. */
  readonly firstThirdCpuMs: number;
  readonly lastThirdCpuMs: number;
}

/** Takes so many epochs, and fails when there is more of anything at the end than after the first few. */
export async function takeManyEpochs(sp: Stillpoint, gang: TestGang, epochs: number): Promise<EpochCosts> {
  const stallMs: number[] = [];
  const durationMs: number[] = [];
  for (let taken = 0; taken < epochsToSettle; taken += 1) await gang.checkpoint();
  const before = await settledFootprint(sp, gang);
  const cpuMs = [takeCpuMs(sp)];
  for (let taken = epochsToSettle; taken < epochs; taken += 1) {
    const startedAtMs = performance.now();
    const { stallMs: stall } = await gang.checkpoint();
    durationMs.push(performance.now() - startedAtMs);
    stallMs.push(stall ?? 0);
    cpuMs.push(takeCpuMs(sp));
  }
  const after = await settledFootprint(sp, gang, before);
  expectNoGrowth(before, after, epochs - epochsToSettle);
  const third = Math.floor(stallMs.length / 3);
  const firstThirdCpuMs = cpuMs[third]! - cpuMs[0]!;
  return { stallMs, durationMs, firstThirdCpuMs, lastThirdCpuMs: cpuMs.at(-1)! - cpuMs.at(-1 - third)! };
}

/** Waits until retention has done its work and nothing comes or goes; and until there is as little as at another time. */
async function settledFootprint(sp: Stillpoint, gang: TestGang, wanted?: Footprint): Promise<Footprint> {
  let last: Footprint | undefined;
  return until(async () => {
    const published = (await gang.epochs()).filter(({ state }) => state === 'published');
    if (published.length !== epochsKept) throw new Error(`${published.length} epochs are kept`);
    const [before, now] = [last, takeFootprint(sp)];
    last = now;
    const grown = differences(wanted?.counts ?? now.counts, now.counts);
    if (grown.length > 0) throw new Error(grown.join('; '));
    return before !== undefined && differences(before.counts, now.counts).length === 0 ? now : undefined;
  }, 'a settled Stillpoint with no more than before');
}

/** What there is more of now, one line for each. */
function differences(before: Footprint['counts'], now: Footprint['counts']): string[] {
  return Object.entries(now)
    .filter(([what, count]) => count > (before[what] ?? 0))
    .map(([what, count]) => `${what}: ${before[what] ?? 0}, now ${count}`);
}

function expectNoGrowth(before: Footprint, after: Footprint, epochs: number): void {
  for (const [role, bytes] of Object.entries(after.residentBytes)) {
    const grownBytes = bytes - (before.residentBytes[role] ?? 0);
    expect(grownBytes, `memory of ${role}`).toBeLessThan(residentGrowthBytesMax);
  }
  const ledgerBytes = after.ledgerBytes - before.ledgerBytes;
  expect(ledgerBytes / epochs, 'the ledger, by epoch').toBeLessThan(ledgerBytesPerEpochMax);
}
