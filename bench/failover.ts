// How long it takes until another coordinator leads once the one that leads is killed in the middle of a checkpoint, and how long members
// stand still for it. On a real cluster: etcd with three members, nats-server, TLS, an agent a node.
import { setTimeout as delay } from 'node:timers/promises';
import type { Service, TestCluster as Cluster } from '../test/support/cluster.ts';
import { TestCluster } from '../test/support/cluster.ts';
import { Stillness } from '../test/support/stillness.ts';
import { type Benchmark, type BenchOptions, ms, type Result } from './lib/report.ts';
import { summarize } from './lib/statistics.ts';

const mesh = ['build/mesh', '--messages', '4000'] as const;
const pace = ['--rate-mb', '2'] as const;
const asked = 3_000;
const pollMs = 10;
const nextLeaderMs = 30_000;

interface Round {
  /** From the kill until the other one serves: it has taken the fence and read the ledger by then. */
  readonly leadsMs: number;
  /** The longest that a member stood still after the kill. */
  readonly stillMs: number;
  /** The same in an epoch that nothing happened to, from its hold on. */
  readonly undisturbedMs: number;
}

export const failover: Benchmark = {
  name: 'failover',
  summary: 'the leader is killed while all members are held: until the next one leads, and until they run',
  run: async ({ quick, rounds = quick ? 2 : 12, note, signal }: BenchOptions) => {
    await using cluster = await TestCluster.start();
    note('starting');
    const gang = await cluster.run('gang', mesh, pace);
    await gang.untilStep(1);
    const done: Round[] = [];
    for (let round = 0; round < rounds; round += 1) {
      signal.throwIfAborted();
      note(`round ${round + 1} of ${rounds}`);
      const undisturbedMs = (await measure(cluster, () => undefined)).stillMs;
      done.push({ ...(await measure(cluster, (leader) => void leader.process.kill())), undisturbedMs });
      for (const { process } of cluster.coordinators) if (!process.runs) await process.restart();
      await (await cluster.gang('gang')).settled(60_000);
    }
    return resultOf(done);
  },
};

/** Takes a checkpoint, and does something to the leader once all are held. */
async function measure(
  cluster: Cluster,
  strike: (leader: Service) => void,
): Promise<{ readonly leadsMs: number; readonly stillMs: number }> {
  const leader = await cluster.leader();
  const stillness = new Stillness(cluster.paths);
  const struck = Promise.withResolvers<number>();
  const ended = cluster
    .clientOf(leader)
    .checkpoint(
      'gang',
      {},
      {
        onProgress: ({ phase }) => {
          if (phase !== 'hold') return;
          stillness.countFromNow();
          strike(leader);
          struck.resolve(performance.now());
        },
      },
    )
    .catch(() => undefined);
  const struckAtMs = await Promise.race([struck.promise, ended.then(() => performance.now())]);
  const end = performance.now() + nextLeaderMs;
  while (!(await serves(cluster))) {
    if (performance.now() > end) throw new Error(`nobody leads after ${nextLeaderMs} ms`);
    await delay(pollMs);
  }
  const leadsMs = performance.now() - struckAtMs;
  await ended;
  while (stillness.stillNow.length > 0 && performance.now() < end) await delay(pollMs);
  return { leadsMs, stillMs: (await stillness.end()).longestMs };
}

/** Whether a coordinator that lives leads. */
async function serves(cluster: Cluster): Promise<boolean> {
  const alive = cluster.coordinators.filter(({ process }) => process.runs);
  const answers = alive.map((service) =>
    cluster
      .clientOf(service)
      .health()
      .then(
        () => true,
        () => false,
      ),
  );
  return (await Promise.all(answers)).includes(true);
}

function resultOf(rounds: readonly Round[]): Result {
  const row = (name: string, of: (round: Round) => number): readonly string[] => {
    const { median, largest } = summarize(rounds.map(of));
    return [name, ms(median), ms(largest)];
  };
  const worst = Math.max(...rounds.map(({ leadsMs }) => leadsMs));
  return {
    tables: [
      {
        title: `the leader is killed while all members are held, ${rounds.length} times`,
        columns: ['', 'median', 'longest'],
        rows: [
          row('until the next one leads and serves', ({ leadsMs }) => leadsMs),
          row('a member stood still, after the kill', ({ stillMs }) => stillMs),
          row('the same without a kill', ({ undisturbedMs }) => undisturbedMs),
        ],
      },
    ],
    verdicts: [
      {
        level: 'target',
        what: 'leader killed to next leader acting, the longest',
        found: ms(worst),
        asked: `under ${ms(asked)}`,
        isMet: worst < asked,
      },
    ],
    data: rounds,
  };
}
