// Every cell of the fault matrix: who fails, how, and in which phase of what. Pure. Cells that make no sense have a reason.

export const targets = [
  'leader',
  'standby',
  'agent',
  'nats-server',
  'etcd leader',
  'etcd quorum',
  'CRIU',
  'member',
] as const;
type Target = (typeof targets)[number];

const faults = ['kill', 'pause', 'cut'] as const;
export type Fault = (typeof faults)[number];

/** What is under way, and the phases in which something happens to it, as the coordinator names them. */
export const operations = {
  resume: ['preflight', 'freeze', 'hold', 'note', 'dump', 'release', 'decide', 'persist', 'forget'],
  stop: ['preflight', 'freeze', 'hold', 'note', 'dump', 'decide', 'kill', 'persist', 'forget'],
  restore: ['preflight', 'clear', 'open', 'prepare', 'restore', 'decide', 'lift', 'verify'],
} as const;
type Operation = keyof typeof operations;

export interface Cell {
  readonly target: Target;
  readonly fault: Fault;
  readonly operation: Operation;
  readonly phase: string;
  /** Why it makes no sense; it is not run then. */
  readonly senseless?: string;
}

/** When members have ended under *stop*. */
const afterKill = new Set(['kill', 'persist', 'forget']);
/** When members of a restore attempt run, or are there at all. */
const membersOfRestore = new Set(['preflight', 'lift', 'verify']);

function reasonAgainst({ target, fault, operation, phase }: Cell): string | undefined {
  if (target === 'CRIU') {
    if (fault === 'cut') return 'CRIU has no network of its own';
    const runsIn = operation === 'restore' ? 'restore' : 'dump';
    // a dump is ordered with the notes
    if (phase !== runsIn && !(operation !== 'restore' && phase === 'note')) return 'no CRIU runs then';
  }
  if (target === 'member') {
    if (operation === 'stop' && afterKill.has(phase)) return 'its members are killed, or about to be';
    if (operation === 'restore' && !membersOfRestore.has(phase)) return 'no member of the attempt runs yet';
  }
  return undefined;
}

export const allCells: readonly Cell[] = (Object.keys(operations) as Operation[]).flatMap((operation) =>
  operations[operation].flatMap((phase) =>
    targets.flatMap((target) =>
      faults.map((fault): Cell => {
        const cell = { target, fault, operation, phase };
        const senseless = reasonAgainst(cell);
        return senseless === undefined ? cell : { ...cell, senseless };
      }),
    ),
  ),
);

export const nameOf = ({ operation, phase, target, fault }: Cell): string =>
  `${operation}/${phase}/${target}/${fault}`;

/** Cells whose names contain all of these words. */
export const matching = (words: readonly string[]): readonly Cell[] =>
  allCells.filter((cell) => words.every((word) => nameOf(cell).includes(word)));
