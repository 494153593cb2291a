// The sizes of the gangs that benchmarks measure, each in a Stillpoint of its own.
import type { BenchOptions } from './report.ts';
import { Training } from './training.ts';
import { startWorld, type World } from './world.ts';

/** Ranks of each gang, a member each. */
export const members = 3;

export interface Size {
  readonly label: string;
  /** Beside the 120 MB that PyTorch itself has. */
  readonly sizeMiB: number;
  readonly rounds: number;
}

/** What PyTorch itself has, and some more. */
const ownMiB = 150;

/** Memory of all members of a gang. */
export const gangBytes = ({ sizeMiB }: Size): number => members * (sizeMiB + ownMiB) * 2 ** 20;

/** Small images say little of a copy's time. */
export const largestLabel = '1.5 GB';
const sizes: readonly Size[] = [
  { label: '130 MB', sizeMiB: 8, rounds: 7 },
  { label: largestLabel, sizeMiB: 1320, rounds: 3 },
];
const quickSizes: readonly Size[] = [{ label: '250 MB', sizeMiB: 128, rounds: 1 }];

/** The rounds of one size. */
export interface Measured<Round> {
  readonly size: Size;
  readonly rounds: readonly Round[];
}

/**
 * Measures every size.
 *
 * @param name of the gangs
 * @param prepare makes what measures a round of the training, from its number on
 */
export async function measureSizes<Round>(
  name: string,
  { signal, quick, rounds, note }: BenchOptions,
  prepare: (world: World, training: Training, size: Size) => Promise<(round: number) => Promise<Round>>,
): Promise<Measured<Round>[]> {
  const measured: Measured<Round>[] = [];
  for (const size of quick ? quickSizes : sizes) {
    await using world = await startWorld(signal);
    note(`${size.label} a member: starting`);
    const training = await Training.start(world, { name, members, sizeMiB: size.sizeMiB });
    const measure = await prepare(world, training, size);
    const done: Round[] = [];
    const count = rounds ?? size.rounds;
    for (let round = 0; round < count; round += 1) {
      note(`${size.label} a member: round ${round + 1} of ${count}`);
      done.push(await measure(round));
    }
    measured.push({ size, rounds: done });
  }
  return measured;
}
