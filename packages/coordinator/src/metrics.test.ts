// The coordinator's metrics, as somebody reads them from its socket, after what happened to gangs on played nodes.
import { once } from 'node:events';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import { openFileLedger } from '@stillpoint/ledger';
import { StillpointError } from '@stillpoint/protocol';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { CoordinatorClient } from './client.ts';
import { type ClosedEpoch, CoordinatorMetrics } from './metrics.ts';
import { observedLedger } from './observed-ledger.ts';
import type { EpochReport } from './records.ts';
import { Harness, type RunningCoordinator } from './testing/harness.ts';

let harness: Harness;
let first: RunningCoordinator;
let client: CoordinatorClient;

beforeEach(async () => {
  harness = await Harness.create();
  first = await harness.start();
  ({ client } = first);
});

afterEach(async () => {
  await harness.dispose();
});

/** What the socket answers: every series with its value. */
async function scrape(): Promise<Map<string, number>> {
  const asked = request({ socketPath: join(harness.home, 'api-0.sock'), path: '/v1/metrics' }).end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  expect(response.statusCode).toBe(200);
  expect(response.headers['content-type']).toMatch(/^text\/plain; version=0\.0\.4/);
  const lines = (await textOf(response)).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const space = line.lastIndexOf(' ');
      return [line.slice(0, space).replace(/^stillpoint_/, ''), Number(line.slice(space + 1))];
    }),
  );
}

const run = (name: string, ranks = 3) =>
  client.run({ name, ranks, nodes: ranks, command: ['train'], cwd: '/' });
const only = (series: Map<string, number>, prefix: string): Record<string, number> =>
  Object.fromEntries([...series].filter(([name]) => name.startsWith(prefix)));

const closed: Pick<ClosedEpoch, 'opened' | 'votes'> = {
  opened: {
    header: { gang: 'train', incarnation: 1, epoch: 1, fence: 1 },
    outcome: 'stop',
    outside: 'refuse',
    files: 'refuse',
    members: [{ member: 0, node: 'n1' }],
    trigger: 'manual',
    startedAtMs: 0,
  },
  votes: [{ member: 0, verdict: 'yes' }],
};
const report = (more: Partial<EpochReport>): EpochReport => ({
  result: 'published',
  finishedAtMs: 0,
  stallMs: 1_500,
  phases: [],
  spans: [],
  cut: [],
  ...more,
});

describe('the metrics', () => {
  it('of a published epoch', async () => {
    const before = Date.now() / 1e3;
    await run('train');
    const { bytes } = await client.checkpoint('train');
    const series = await scrape();
    expect(only(series, 'epochs_total')).toEqual({ 'epochs_total{outcome="resume",result="published"}': 1 });
    for (const node of ['n1', 'n2', 'n3']) {
      expect(series.get(`votes_total{node="${node}",verdict="yes"}`)).toBe(1);
      for (const phase of ['preflight', 'freeze', 'hold', 'note', 'dump', 'check', 'release', 'persist'])
        expect(series.get(`member_phase_seconds_count{phase="${phase}",node="${node}"}`)).toBe(1);
    }
    expect(only(series, 'epoch_phase_seconds_count')).toEqual(
      Object.fromEntries(
        ['preflight', 'freeze', 'hold', 'note', 'dump', 'release', 'decide', 'persist', 'forget'].map(
          (phase) => [`epoch_phase_seconds_count{phase="${phase}"}`, 1],
        ),
      ),
    );
    expect(series.get('stall_seconds_count')).toBe(1);
    expect(only(series, 'image_bytes_total')).toEqual({
      'image_bytes_total{stage="raw"}': bytes?.raw,
      'image_bytes_total{stage="non_zero"}': bytes?.nonZero,
      'image_bytes_total{stage="stored"}': bytes?.stored,
    });
    const published = series.get('gang_last_published_epoch_timestamp_seconds{gang="train"}') ?? 0;
    expect(published).toBeGreaterThanOrEqual(before);
    expect(published).toBeLessThanOrEqual(Date.now() / 1e3);
    expect(only(series, 'retransmissions_total')).toEqual({});
  });

  it('of an epoch that was aborted', async () => {
    await run('train');
    harness.beforeStep = ({ step, member }) => {
      if (step === 'dump' && member === 1)
        throw new StillpointError('SP_FAKE', 'CRIU can not', { remedy: 'Mend the test.', retryable: false });
    };
    await expect(client.checkpoint('train')).rejects.toMatchObject({ code: 'SP_FAKE' });
    const series = await scrape();
    expect(only(series, 'epochs_total')).toEqual({ 'epochs_total{outcome="resume",result="aborted"}': 1 });
    expect(series.get('votes_total{node="n2",verdict="no"}')).toBe(1);
    expect(series.get('votes_total{node="n2",verdict="yes"}')).toBeUndefined();
    expect(series.get('epoch_phase_seconds_count{phase="abort"}')).toBe(1);
    expect(only(series, 'image_bytes_total')).toEqual({});
    expect(only(series, 'gang_last_published')).toEqual({});
  });

  it('of orders that were sent again', async () => {
    await run('train', 1);
    const dumped = Promise.withResolvers<void>();
    harness.beforeStep = ({ step }) => (step === 'persist' ? dumped.promise : undefined);
    const checkpoint = client.checkpoint('train');
    await vi.waitFor(
      async () => expect((await scrape()).get('retransmissions_total{kind="Persist"}')).toBeGreaterThan(1),
      { timeout: 10_000, interval: 20 },
    );
    dumped.resolve();
    await checkpoint;
    expect(Object.keys(only(await scrape(), 'retransmissions_total'))).toHaveLength(1);
  });

  it('of gangs, nodes and the leader', async () => {
    await run('train', 2);
    await client.checkpoint('train', { outcome: 'stop' });
    await client.addNode({ name: 'n9' });
    await client.killNode('n9');
    const stopped = await scrape();
    expect(stopped.get('epochs_total{outcome="stop",result="published"}')).toBe(1);
    expect(stopped.get('gangs{state="stopped"}')).toBe(1);
    expect(stopped.get('gangs{state="running"}')).toBe(0);
    expect(only(stopped, 'nodes{')).toEqual({ 'nodes{ready="true"}': 2, 'nodes{ready="false"}': 0 });
    expect(stopped.get('leader')).toBe(1);
    expect(stopped.get('fence')).toBe(1);

    await client.restore('train');
    expect((await scrape()).get('restores_total{result="running"}')).toBe(1);

    await client.stop('train');
    expect(only(await scrape(), 'gang_last_published')).not.toEqual({});
    await client.removeGang('train');
    expect(only(await scrape(), 'gang_last_published')).toEqual({});
  });

  it('of a coordinator that leads no more', async () => {
    const successor = await harness.start();
    expect(await successor.coordinator.context.metrics.text()).toContain('\nstillpoint_fence 2\n');
    await expect(client.addNode({ name: 'n1' })).rejects.toMatchObject({ code: 'SP_LEADER_LOST' });
    expect((await scrape()).get('leader')).toBe(0);
    expect(await successor.coordinator.context.metrics.text()).toContain('\nstillpoint_leader 1\n');
    first.fatal.splice(0);
  });

  it('of an epoch that is published later count what was new then', async () => {
    const metrics = new CoordinatorMetrics();
    const span = { member: 0, phase: 'dump', startMs: 10, endMs: 2_010 };
    const stopped = report({ result: 'committed-stopped', spans: [span], bytes: { raw: 100 } });
    metrics.epochClosed({ ...closed, report: stopped, before: undefined });
    const persisted = { member: 0, phase: 'persist', startMs: 3_000, endMs: 2_000 };
    const published = report({ spans: [span, persisted], bytes: { raw: 100, nonZero: 60, stored: 20 } });
    metrics.epochClosed({ ...closed, report: published, before: stopped });
    const text = await metrics.text();
    for (const line of [
      'epochs_total{outcome="stop",result="committed-stopped"} 1',
      'epochs_total{outcome="stop",result="published"} 1',
      'member_phase_seconds_sum{phase="dump",node="n1"} 2',
      'member_phase_seconds_count{phase="dump",node="n1"} 1',
      // a clock that was set back measures nothing
      'member_phase_seconds_sum{phase="persist",node="n1"} 0',
      'stall_seconds_sum 1.5',
      'votes_total{node="n1",verdict="yes"} 1',
      'image_bytes_total{stage="raw"} 100',
    ])
      expect(text).toContain(`\nstillpoint_${line}\n`);
  });

  it('of a process of its own', async () => {
    const metrics = new CoordinatorMetrics();
    expect(await metrics.text()).not.toContain('process_cpu');
    expect(await metrics.text()).toContain('\nstillpoint_leader 0\n');
    metrics.addProcess();
    for (const name of [
      'process_resident_memory_bytes',
      'process_cpu_seconds_total',
      'nodejs_eventloop_lag_seconds',
    ])
      expect(await metrics.text()).toContain(`\n${name} `);
  });

  it('of a ledger that does not answer', async () => {
    const metrics = new CoordinatorMetrics();
    const ledger = observedLedger(await openFileLedger(join(harness.home, 'other')), (error) =>
      metrics.ledgerFailed(error),
    );
    await ledger.transact({ compare: [], put: [{ key: 'a', value: 1 }] });
    expect((await ledger.get('a'))?.value).toBe(1);
    expect(await metrics.text()).not.toContain('ledger_errors_total{');
    await ledger.close();
    await expect(ledger.get('a')).rejects.toMatchObject({ code: 'SP_LEDGER_UNAVAILABLE' });
    await expect(ledger.list('a')).rejects.toMatchObject({ code: 'SP_LEDGER_UNAVAILABLE' });
    expect(await metrics.text()).toContain(
      '\nstillpoint_ledger_errors_total{code="SP_LEDGER_UNAVAILABLE"} 2\n',
    );
  });
});
