// What the demo does and how much of it. Pure.

export interface DemoPlan {
  readonly gang: string;
  readonly ranks: number;
  /** Nodes that the training starts on, and those that it comes back on. */
  readonly nodes: readonly string[];
  readonly freshNodes: readonly string[];
  /** The node that fails. */
  readonly failingNode: string;
  /** The epoch that the gang comes back from; a later one if this one was given up. */
  readonly epoch: number;
  readonly steps: number;
  /** Shortest duration of a step; the run that it is compared with does not wait. */
  readonly paceMs: number;
  /** Time between checkpoints. */
  readonly everyMs: number;
}

const cast = {
  gang: 'demo',
  ranks: 3,
  nodes: ['n1', 'n2', 'n3'],
  freshNodes: ['n4', 'n5', 'n6'],
  failingNode: 'n2',
  epoch: 5,
} as const;

/** The steps at their pace take about twice as long as five checkpoints. */
export function planDemo(scale: 'full' | 'quick'): DemoPlan {
  return scale === 'quick'
    ? { ...cast, steps: 300, paceMs: 100, everyMs: 2_000 }
    : { ...cast, steps: 1_000, paceMs: 75, everyMs: 5_000 };
}
