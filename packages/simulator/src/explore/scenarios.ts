// What can be explored, and how an exploration is told.
import { EpochPlay } from './epoch-play.ts';
import { layOut } from './layout.ts';
import { type Faults, Loop } from './loop.ts';
import type { Play } from './play.ts';
import { RestorePlay } from './restore-play.ts';
import { Search, type SearchBounds, type SearchResult } from './search.ts';
import type { Layout } from './state.ts';

export interface Scenario {
  readonly name: string;
  readonly what: string;
  readonly explore: (layout: Layout, faults: Faults, bounds: SearchBounds) => Exploration;
}

interface Exploration extends SearchResult {
  readonly seconds: number;
  /** Different steps of the protocol's machines. */
  readonly machineSteps: number;
}

interface ExplorationSize {
  readonly members: number;
  readonly nodes: number;
  readonly faults: Faults;
  readonly bounds: SearchBounds;
}

const exploring =
  <Kernel extends object>(makePlay: (layout: Layout) => Play<Kernel>): Scenario['explore'] =>
  (layout, faults, bounds) => {
    const startMs = performance.now();
    const loop = new Loop(makePlay(layout), faults);
    const result = new Search(loop, bounds).run();
    const wrong = loop.findWronglyMerged();
    if (wrong !== undefined) throw new Error(`states are merged that differ:\n${wrong}`);
    return { ...result, seconds: (performance.now() - startMs) / 1000, machineSteps: loop.machineSteps };
  };

export const scenarios: readonly Scenario[] = [
  {
    name: 'resume',
    what: 'a checkpoint after which the members run on',
    explore: exploring((layout) => new EpochPlay(layout, 'resume')),
  },
  {
    name: 'stop',
    what: 'a checkpoint that stops its gang',
    explore: exploring((layout) => new EpochPlay(layout, 'stop')),
  },
  {
    name: 'restore',
    what: 'a restore attempt',
    explore: exploring((layout) => new RestorePlay(layout)),
  },
];

/** Explores a scenario and tells about it, a line at a time. @returns whether nothing was found */
export function tellExploration(
  { name, explore }: Scenario,
  { members, nodes, faults, bounds }: ExplorationSize,
  print: (line: string) => void,
): boolean {
  const { states, transitions, depth, isComplete, goodEnds, seconds, machineSteps, finding } = explore(
    layOut(members, nodes),
    faults,
    bounds,
  );
  const extent = isComplete ? 'complete' : finding === undefined ? 'cut' : 'ended by what was found';
  print(
    `${name}, ${members} members on ${nodes} nodes, up to ${faults.most} faults: ${states} states, ` +
      `${transitions} transitions, depth ${depth}, ${extent}; ${goodEnds} good ends, ` +
      `${machineSteps} steps of machines, ${seconds.toFixed(1)} s`,
  );
  if (finding === undefined) return true;
  print(`  ${finding.what}`);
  for (const line of finding.trace) print(`    ${line}`);
  return false;
}
