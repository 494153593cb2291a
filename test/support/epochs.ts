// Many epochs in a row on one gang: nothing that one of them took of the machine is still taken after it.
import { expect } from 'vitest';
import { type Footprint, type OwnUse, takeFootprint, takeOwnUse } from './footprint.ts';
import type { TestGang } from './gang.ts';
import type { Stillpoint } from './stillpoint.ts';
import { until } from './until.ts';

/** Published epochs that the gang must keep, so that from some epoch on one is removed for each new one. */
export const epochsKept = 3;
/** Epochs after which all that is made once has been made. */
const epochsToSettle = 5;
/** What the ledger may keep of an epoch and its members for ever. */
const ledgerBytesPerEpochMax = 16 * 1024;

/** For the coordinator and the agents: memory that is free, and that the heap or the allocator keeps, hides a leak. */
export const thriftyMemory = {
  NODE_OPTIONS: '--max-semi-space-size=1',
  MALLOC_ARENA_MAX: '1',
  MALLOC_MMAP_THRESHOLD_: '65536',
  MALLOC_TRIM_THRESHOLD_: '65536',
} as const;

export interface EpochCosts {
  /** How long each epoch stopped the gang, and how long its checkpoint took, settling epochs left out. */
  readonly stallMs: readonly number[];
  readonly durationMs: readonly number[];
  /** What the coordinator and the agents had used before the first of those, and after each. */
  readonly uses: readonly OwnUse[];
}

/** Takes so many epochs, and fails when there is more of anything at the end than after the first few. */
export async function takeManyEpochs(sp: Stillpoint, gang: TestGang, epochs: number): Promise<EpochCosts> {
  const stallMs: number[] = [];
  const durationMs: number[] = [];
  for (let taken = 0; taken < epochsToSettle; taken += 1) await gang.checkpoint();
  const before = await settledFootprint(sp, gang);
  const uses = [takeOwnUse(sp)];
  for (let taken = epochsToSettle; taken < epochs; taken += 1) {
    const startedAtMs = performance.now();
    const { stallMs: stall } = await gang.checkpoint();
    durationMs.push(performance.now() - startedAtMs);
    stallMs.push(stall ?? 0);
    uses.push(takeOwnUse(sp));
  }
  const after = await settledFootprint(sp, gang, before);
  const ledgerBytes = after.ledgerBytes - before.ledgerBytes;
  expect(ledgerBytes / stallMs.length, 'the ledger, by epoch').toBeLessThan(ledgerBytesPerEpochMax);
  return { stallMs, durationMs, uses };
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
