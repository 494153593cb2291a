// What goes wrong in a world, and what its users do: drawn from the seed before anything happens, so that a failure
// can be tried again with less of it.
import type { LedgerFaults } from './ledger.ts';
import type { NetworkFaults } from './network.ts';
import { type Random, seededRandom } from './random.ts';

/** Chances of what goes wrong within a step of a member. */
export interface StepFaults {
  readonly stepFailure: number;
  readonly criuKilled: number;
}

/** Something that happens at a moment of its own. `lastsMs`: until it is over, where it is not over at once. */
export interface Disturbance {
  readonly atMs: number;
  readonly kind: DisturbanceKind;
  /** Chooses among what is there. */
  readonly choice: number;
  readonly lastsMs: number;
}

const disturbances = [
  'coordinatorCrash',
  'coordinatorStop',
  'secondCoordinator',
  'agentCrash',
  'agentStop',
  'memberDeath',
  'nodeKill',
  'reboot',
  'ledgerAway',
  'ledgerMute',
  'vaultAway',
  'vaultFull',
  'diskFull',
  'cut',
  'cutOneWay',
  'isolation',
  'clockJump',
] as const;
const verbs = ['checkpoint', 'stopCheckpoint', 'restore', 'migrate', 'hangUp'] as const;
/** What is asked for, and how often. */
const moreStops = [...verbs, 'stopCheckpoint'] as const;
type DisturbanceKind = (typeof disturbances)[number] | (typeof verbs)[number];

export interface Plan {
  readonly seed: number;
  readonly members: number;
  readonly nodes: number;
  readonly network: NetworkFaults;
  readonly ledger: LedgerFaults;
  readonly steps: StepFaults;
  /** Whether the gang has hooks. */
  readonly hasHooks?: boolean;
  /** How far clocks go wrong: 0.01 is one percent. */
  readonly drift: number;
  /** In the order of their moments. */
  readonly happenings: readonly Disturbance[];
}

const verbKinds: ReadonlySet<DisturbanceKind> = new Set(verbs);

/** Whether all that is wrong is that messages are lost, doubled or slow. */
export const isCalm = ({ happenings, steps }: Plan): boolean =>
  steps.stepFailure === 0 && steps.criuKilled === 0 && happenings.every(({ kind }) => verbKinds.has(kind));

/** How long after a verb has begun its trouble comes. */
const closeMs = 8_000;
/** How long things go wrong. */
export const troubleMs = 60_000;

const kindsOf = (random: Random): readonly DisturbanceKind[] => {
  const share = random.pick([0, 0.15, 0.3, 0.6]);
  return disturbances.filter(() => random.chance(share));
};

export function makePlan(seed: number): Plan {
  // neighbouring seeds are strangers
  const random = seededRandom(seed).stream('plan');
  const hasHooks = seededRandom(seed).stream('hooks').chance(0.25);
  const kinds = kindsOf(random);
  const isBad = (): boolean => random.chance(0.3);
  const happenings: Disturbance[] = [];
  const add = (kind: DisturbanceKind, atMs: number): void => {
    const lastsMs = random.pick([300, 3_000, 30_000, 60_000]) * random.next();
    happenings.push({ atMs, kind, choice: random.next(), lastsMs });
  };
  for (let count = random.between(2, 8); count > 0; count -= 1)
    add(random.pick(moreStops), random.next() * troubleMs);
  const verbTimes = happenings.map(({ atMs }) => atMs);
  if (kinds.length > 0) {
    for (let count = random.between(1, 8); count > 0; count -= 1) {
      // most trouble comes while something is under way
      const isClose = random.chance(0.85);
      const atMs = isClose
        ? random.pick(verbTimes) + random.next() ** 2 * closeMs
        : random.next() * troubleMs;
      add(random.pick(kinds), Math.min(atMs, troubleMs));
    }
  }
  return {
    seed,
    ...(hasHooks ? { hasHooks } : {}),
    members: random.between(1, 4),
    nodes: random.between(1, 4),
    network: {
      loss: isBad() ? random.next() * 0.3 : 0,
      duplication: isBad() ? random.next() * 0.3 : 0,
      slowness: isBad() ? random.next() * 0.1 : 0,
    },
    ledger: {
      lostAnswer: isBad() ? random.next() * 0.1 : 0,
      slowness: isBad() ? random.next() * 0.1 : 0,
    },
    steps: {
      stepFailure: isBad() ? random.next() * 0.1 : 0,
      criuKilled: random.chance(0.1) ? 0.1 : 0,
    },
    drift: isBad() ? 0.02 : 0,
    happenings: happenings.toSorted((a, b) => a.atMs - b.atMs),
  };
}
