// Coordinators and agents as services of a cluster: with TLS and least rights at NATS and etcd, a leader that is lost or told
// to go, agents that come and go, and everything that must be refused.
import { readdir } from 'node:fs/promises';
import { expect, onTestFailed, test } from 'vitest';
import { type Service, TestCluster } from '../support/cluster.ts';
import { until } from '../support/until.ts';
import { referenceOf } from '../workloads/harness.ts';

const mesh = ['build/mesh', '--messages', '2000'] as const;
const pace = ['--rate-mb', '4'] as const;

async function startCluster(...args: Parameters<typeof TestCluster.start>): Promise<TestCluster> {
  const cluster = await TestCluster.start(...args);
  onTestFailed(() => {
    process.stderr.write(`${cluster.logs()}\n`);
  });
  return cluster;
}

/** What a service shows at the address that it has logged. */
async function metricsOf({ process }: Service): Promise<string> {
  const url = /"probes":"([^"]+)"/.exec(process.log())?.[1];
  const response = await fetch(`${url}/metrics`);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  return response.text();
}

test('a gang is cut, survives its leaders, is stopped and restored, and ends as one that nothing happened to', async () => {
  await using cluster = await startCluster();
  const started = await cluster.run('gang', mesh, pace);
  await started.untilStep(1);
  await started.checkpoint();
  const first = await cluster.leader();
  for (const phase of ['freeze', 'dump', 'persist']) {
    const leader = await cluster.leader();
    const client = cluster.clientOf(leader);
    const lost = await client
      .checkpoint(
        'gang',
        {},
        {
          onProgress: (progress) => {
            if (progress.phase === phase) void leader.process.kill();
          },
        },
      )
      .catch((error: unknown) => error);
    expect([phase, lost]).toMatchObject([phase, { code: 'SP_COORDINATOR_UNREACHABLE' }]);
    const next = await cluster.leader(10_000);
    expect(next).not.toBe(leader);
    await leader.process.restart();
    const gang = await cluster.gang('gang');
    expect(await gang.settled(60_000)).toBe('running');
    await gang.goOn(1);
    expect((await gang.epochs()).at(-1)?.state).toMatch(
      phase === 'persist' ? /^published$/ : /^(published|aborted)$/,
    );
  }
  expect(await cluster.leader()).not.toBe(first);
  const gang = await cluster.gang('gang');
  const { epoch } = await gang.checkpoint({ outcome: 'stop' });
  expect(await gang.restore()).toMatchObject({ epoch, incarnation: 2 });
  await gang.finish();
  await gang.expectSameAs(await referenceOf({ members: 3, command: mesh, gang: 'gang' }));
});

test('a gang on machines that only a cable joins is cut, changes places and goes on', async () => {
  await using cluster = await startCluster(['n1', 'n2'], { areMachines: true });
  const gang = await cluster.run('gang', mesh, pace);
  await gang.untilStep(1);
  const { epoch } = await gang.checkpoint({ outcome: 'stop' });
  expect(await gang.restore({ onto: ['n2', 'n1'] })).toMatchObject({ epoch, incarnation: 2 });
  expect((await gang.show()).members.map(({ node }) => node)).toEqual(['n2', 'n1']);
  await gang.goOn(1);
  await cluster.ok('node', 'drain', 'n1');
  expect((await gang.show()).nodes).toEqual(['n2']);
  await gang.finish();
  await gang.expectSameAs(await referenceOf({ members: 2, command: mesh, gang: 'gang' }));
});

test('one that stands by says who leads, and leads at once when that one is told to go', async () => {
  await using cluster = await startCluster(['n1']);
  const leader = await cluster.leader();
  const standby = cluster.coordinators.find((each) => each !== leader);
  if (standby === undefined) throw new Error('there is no other');
  expect(await cluster.cli(['ps'], standby)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`${leader.name} leads (SP_NOT_LEADER)`),
  });
  expect(await cluster.cli(['shutdown'], leader)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('SP_SERVICE_MANAGED'),
  });
  expect(await metricsOf(leader)).toMatch(/^stillpoint_leader 1$/m);
  expect(await metricsOf(standby)).toMatch(/^stillpoint_leader 0$/m);
  expect(await metricsOf(cluster.agent('n1'))).toMatch(/^stillpoint_agent_members\{state="running"\} 0$/m);
  const toldAtMs = performance.now();
  await leader.process.stop();
  expect(await cluster.leader()).toBe(standby);
  // its lease was given back: nobody waited for its end
  expect(performance.now() - toldAtMs).toBeLessThan(1_900);
  expect(leader.process.log()).toContain('gangs run on');
  expect(await metricsOf(standby)).toMatch(/^stillpoint_leader 1$/m);
});

test('an agent that ends leaves its members running, and its successor finds them', async () => {
  await using cluster = await startCluster(['n1', 'n2']);
  const gang = await cluster.run('gang', mesh, pace);
  await gang.untilStep(1);
  const agent = cluster.agent('n2');
  for (const end of ['stop', 'kill'] as const) {
    await agent.process[end]();
    await gang.goOn(1);
    await agent.process.restart();
    await until(async () => {
      const { members } = await gang.show();
      return members.every(({ state }) => state === 'running') || undefined;
    }, 'all members being known as running');
    await gang.checkpoint();
  }
  expect(await gang.show()).toMatchObject({ incarnation: 1 });
});

test('a node that nobody can ask is dead when an operator says so, and not before', async () => {
  await using cluster = await startCluster(['n1', 'n2']);
  const gang = await cluster.run('gang', mesh, pace);
  await gang.untilStep(1);
  await gang.checkpoint();
  cluster.agent('n2').cut();
  expect(await cluster.cli(['node', 'kill', 'n2'])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('SP_NODE_MAY_LIVE'),
  });
  // a successor of the coordinator knows no more than it did
  await (await cluster.leader()).process.kill();
  const client = await cluster.client();
  expect(await client.showGang('gang')).toMatchObject({ incarnation: 1 });
  expect(await cluster.cli(['node', 'kill', 'n2'])).toMatchObject({ code: 1 });
  cluster.agent('n2').heal();
  await until(() => cluster.cli(['node', 'kill', 'n2']).then(({ code }) => code === 0), 'the end of n2');
  expect(await client.wait('gang')).toMatchObject({ state: 'failed' });
  await client.restore('gang');
  expect(await client.showGang('gang')).toMatchObject({ state: 'running', incarnation: 2, nodes: ['n1'] });

  // its machine is lost with all that was on it
  await cluster.ok('node', 'add', 'n2');
  cluster.agent('n2').cut();
  await cluster.ok('node', 'kill', 'n2', '--machine-is-off');
  expect(await client.listNodes()).toMatchObject([{ name: 'n1' }, { name: 'n2', state: 'killed' }]);
});

test('what would run beside the services is refused', async () => {
  await using cluster = await startCluster(['n1']);
  expect(await cluster.cli(['ps'], cluster.agent('n1'))).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('SP_SERVICE_NOT_RUNNING'),
  });
  // no ledger was made there, and nothing that a coordinator of one machine logs
  expect((await readdir(cluster.agent('n1').home)).toSorted()).toEqual(['format.json', 'service']);
  expect(await cluster.cli(['run', 'gang', '--ranks', '2', '--nodes', '2', '--', 'true'])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('SP_TOO_FEW_NODES'),
  });
  const leader = await cluster.leader();
  const second = await cluster.cli([
    'serve',
    '--home',
    leader.home,
    '--nats',
    'nats://x:1',
    '--etcd',
    'http://x:1',
  ]);
  expect(second).toMatchObject({ code: 1, stderr: expect.stringContaining('SP_SERVICE_RUNNING') });
});
