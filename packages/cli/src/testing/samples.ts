// Gangs, epochs and nodes as tests need them: whole ones, of which a test says only what matters to it.
import type { EpochInfo, GangDetail, GangSummary, NodeInfo, Timeline } from '@stillpoint/coordinator';
import { atMs } from './fake-coordinator.ts';

export const gang = (more: Partial<GangSummary> = {}): GangSummary => ({
  name: 'train',
  state: 'running',
  ranks: 3,
  nodes: ['n1', 'n2', 'n3'],
  incarnation: 1,
  createdAtMs: atMs,
  command: ['python3', 'train.py', '--steps', '1000'],
  ...more,
});

/** When the epoch of the samples began. */
export const epochAtMs = atMs + 60_000;

export const epoch = (more: Partial<EpochInfo> = {}): EpochInfo => ({
  epoch: 7,
  incarnation: 1,
  outcome: 'resume',
  trigger: 'manual',
  state: 'published',
  startedAtMs: epochAtMs,
  finishedAtMs: epochAtMs + 1_600,
  stallMs: 196,
  bytes: { raw: 390e6, nonZero: 250e6, stored: 92e6 },
  ...more,
});

export const gangDetail = (more: Partial<GangDetail> = {}): GangDetail => ({
  ...gang(),
  cwd: '/work/training',
  outside: 'refuse',
  files: 'refuse',
  hooks: [],
  members: [0, 1, 2].map((member) => ({
    member,
    node: `n${member + 1}`,
    ipv4: `10.233.${member + 1}.10`,
    ipv6: `fd5a:7170::${member + 1}:a`,
    state: 'running' as const,
    processes: 3,
    residentBytes: 131e6,
  })),
  epochs: [epoch({ epoch: 6, trigger: 'periodic' }), epoch()],
  ...more,
});

export const node = (more: Partial<NodeInfo> = {}): NodeInfo => ({
  name: 'n1',
  index: 1,
  state: 'ready',
  schedulable: true,
  monotonicOffsetSeconds: 0,
  agentPid: 4711,
  members: [{ gang: 'train', member: 0 }],
  memoryAvailableBytes: 12.3e9,
  stagingFreeBytes: 6e9,
  ...more,
});

export const placement = [0, 1, 2].map((member) => ({
  member,
  node: `n${member + 4}`,
  ipv4: `10.233.${member + 4}.10`,
  ipv6: `fd5a:7170::${member + 4}:a`,
}));

/** An epoch of three members; the last one's dump takes longer. */
export const timeline = (more: Partial<Timeline> = {}): Timeline => ({
  ...epoch(),
  members: [0, 1, 2].map((member) => ({ member, node: `n${member + 1}` })),
  hooks: [],
  spans: [0, 1, 2].flatMap((member) => spansOf(member, member === 2 ? 162 : 90)),
  phases: [],
  decision: { decision: 'commit', atMs: epochAtMs + 212 },
  ...more,
});

function spansOf(member: number, dumpMs: number): Timeline['spans'] {
  const dumped = 46 + dumpMs;
  const steps: [string, number, number][] = [
    ['preflight', 0, 12],
    ['freeze', 20, 24],
    ['hold', 30, 41],
    ['note', 44, 46],
    ['dump', 46, dumped],
    ['check', dumped, dumped + 4],
    ['release', dumped + 6, dumped + 8],
    ['persist', 300, 1500],
  ];
  return steps.map(([phase, from, to]) => ({
    member,
    phase,
    startMs: epochAtMs + from,
    endMs: epochAtMs + to,
  }));
}
