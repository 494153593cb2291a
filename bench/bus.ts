// How long a gang of many agents waits for one another: the hold's barrier and a whole epoch over NATS, beside barriers of
// one connection or key a member.
import type { RivalFigures } from './lib/bus/barriers.ts';
import { measureEtcd } from './lib/bus/etcd.ts';
import { barriers } from './lib/bus/share.ts';
import { measureStar } from './lib/bus/star.ts';
import { type GangFigures, measureStillpoint } from './lib/bus/stillpoint.ts';
import { type Benchmark, type BenchOptions, ms, type Result, times, type Verdict } from './lib/report.ts';
import { median, quantile } from './lib/statistics.ts';

const membersEach = 8;
const sizes = [10, 100, 1_250] as const;
const quickSizes = [2, 10] as const;
/** A barrier of so many agents may take so long, and must be so much shorter than a rival's. */
const target = { holdMs: 100, factor: 10 } as const;

interface Size {
  readonly stillpoint: GangFigures;
  readonly star: RivalFigures;
  readonly etcd: RivalFigures;
}

export const bus: Benchmark = {
  name: 'bus',
  summary: 'the hold barrier and a whole epoch of up to 1,250 agents over NATS, beside etcd and a TCP star',
  run: async ({ signal, quick, rounds = quick ? 3 : 50, note }: BenchOptions) => {
    const measured: Size[] = [];
    for (const agents of quick ? quickSizes : sizes) {
      const members = agents * membersEach;
      // the large ones take seconds each
      const own = Math.max(3, Math.round(rounds / Math.max(1, agents / 100)));
      note(`${agents} agents, ${own} epochs`);
      const stillpoint = await measureStillpoint(agents, membersEach, own, signal);
      signal.throwIfAborted();
      note(`a star of ${members} connections`);
      const star = await measureStar(members, own);
      signal.throwIfAborted();
      note(`etcd with ${members} participants`);
      const etcd = await measureEtcd(members, Math.min(own, Math.max(2, Math.round(4_000 / members))));
      measured.push({ stillpoint, star, etcd });
    }
    return resultOf(measured);
  },
};

function resultOf(measured: readonly Size[]): Result {
  const columns = ['', ...measured.map(({ stillpoint: { agents } }) => `${agents} agents`)];
  const row = (name: string, cell: (size: Size) => string): string[] => [name, ...measured.map(cell)];
  const both = (values: readonly number[]): string => `${ms(median(values))} / ${ms(quantile(values, 0.99))}`;
  const epochs =
    (pick: (epoch: GangFigures['epochs'][number]) => number) =>
    ({ stillpoint }: Size): number[] =>
      stillpoint.epochs.map(pick);
  const holds = epochs(({ holdMs }) => holdMs);
  return {
    tables: [
      {
        title: 'a barrier of all members, median / 99th percentile',
        columns,
        rows: [
          row('members', ({ stillpoint }) => String(stillpoint.members)),
          row('epochs measured', ({ stillpoint }) => String(stillpoint.epochs.length)),
          row('Stillpoint, hold', (size) => both(holds(size))),
          row('TCP star', ({ star }) => both(star.barrierMs)),
          row('etcd', ({ etcd }) => both(etcd.barrierMs)),
          row('star ÷ Stillpoint', (size) => times(median(size.star.barrierMs) / median(holds(size)))),
          row('etcd ÷ Stillpoint', (size) => times(median(size.etcd.barrierMs) / median(holds(size)))),
        ],
      },
      {
        title: `a whole epoch of Stillpoint, and ${barriers} barriers of the others`,
        columns,
        rows: [
          row('Stillpoint', (size) => both(epochs(({ wholeMs }) => wholeMs)(size))),
          row('TCP star', ({ star }) => both(star.wholeMs)),
          row('etcd', ({ etcd }) => both(etcd.wholeMs)),
          row('coordinator CPU', (size) => ms(median(epochs((each) => each.coordinatorCpuMs)(size)))),
          row('… of the star', ({ star }) => ms(star.centreCpuMs)),
          row('… of etcd’s leader', ({ etcd }) => ms(etcd.centreCpuMs)),
          row('all agents’ CPU', (size) => ms(median(epochs((each) => each.agentsCpuMs)(size)))),
          row('messages', (size) => median(epochs(({ traffic }) => traffic.messages)(size)).toFixed(0)),
          row('kB', (size) => (median(epochs(({ traffic }) => traffic.bytes)(size)) / 1_000).toFixed(0)),
          row('messages a second at rest', ({ stillpoint }) => stillpoint.idle.traffic.messages.toFixed(0)),
          row('CPU a second at rest', ({ stillpoint }) => ms(stillpoint.idle.coordinatorCpuMs)),
        ],
      },
    ],
    verdicts: verdictsOf(measured.at(-1), holds),
    data: measured,
  };
}

function verdictsOf(largest: Size | undefined, holds: (size: Size) => number[]): Verdict[] {
  if (largest === undefined) return [];
  const { agents } = largest.stillpoint;
  const slowest = quantile(holds(largest), 0.99);
  const beside = (what: string, rival: RivalFigures): Verdict => {
    const factor = quantile(rival.barrierMs, 0.99) / slowest;
    return {
      level: 'target',
      what: `99th percentile of the barrier of ${what} beside the hold's at ${agents} agents`,
      found: times(factor),
      asked: `at least ${target.factor}×`,
      isMet: factor >= target.factor,
    };
  };
  return [
    {
      level: 'target',
      what: `99th percentile of the hold's barrier at ${agents} agents`,
      found: ms(slowest),
      asked: `under ${target.holdMs} ms`,
      isMet: slowest < target.holdMs,
    },
    beside('a TCP star', largest.star),
    beside('etcd', largest.etcd),
  ];
}
