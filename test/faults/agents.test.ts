// kill -9 of an agent in each phase of its work: its members stay as they were, running or held, until its successor
// is there; the epoch or restore ends either way, and the training goes on or is brought back.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { logFolder } from '@stillpoint/agent';
import { expect, test } from 'vitest';
import type { Progress } from '@stillpoint/coordinator';
import { makeMischievousCriu } from '../support/criu.ts';
import type { TestGang } from '../support/gang.ts';
import { memberProcesses, memberStillness } from '../support/members.ts';
import { type Stillpoint, startStillpoint } from '../support/stillpoint.ts';
import { until } from '../support/until.ts';
import { referenceOf, workload } from '../workloads/harness.ts';

const mesh = ['build/mesh', '--messages', '4000'] as const;
const pace = ['--rate-mb', '4'] as const;
/** Its members know nothing of each other: one goes on while another is held. */
const alone = ['ballast.py', '--mb', '8', '--steps', '100000', '--step-ms', '50'] as const;

type Verb = (onProgress: (progress: Progress) => void) => Promise<unknown>;

/** Kills the agent of n2 once the verb has come to a phase, and waits for its successor. @returns how the verb ended */
async function killAgentAt(sp: Stillpoint, phase: string, verb: Verb): Promise<unknown> {
  const pid = await agentPid(sp);
  let isKilled = false;
  const end = await verb((progress) => {
    if (isKilled || progress.phase !== phase) return;
    isKilled = true;
    process.kill(pid, 'SIGKILL');
  }).catch((error: unknown) => error);
  expect([phase, isKilled, end]).toEqual([phase, true, end]);
  await until(async () => (await agentPid(sp)) !== pid || undefined, 'another agent of n2');
  // whatever went wrong is said with a code, and may be tried again
  if (end instanceof Error)
    expect([phase, end]).toMatchObject([phase, { code: expect.stringMatching(/^SP_/), retryable: true }]);
  return end;
}

function agentPid(sp: Stillpoint): Promise<number> {
  return until(async () => {
    const found = (await sp.client.listNodes()).find(({ name }) => name === 'n2');
    return found?.agentPid;
  }, 'the agent of n2');
}

/** What a member has written in the gang's first incarnation, with or without a coordinator. */
const outputBytes = (sp: Stillpoint, member: number): number =>
  statSync(join(logFolder(sp.paths, 'gang', 1), `${member}.out`)).size;

async function untilOutputGrows(sp: Stillpoint, member: number): Promise<void> {
  const before = outputBytes(sp, member);
  await until(() => outputBytes(sp, member) > before || undefined, `another step of member ${member}`);
}

/** Another agent is started, and then the rest of the work is done. */
const settledDeadlineMs = 60_000;
const running = { isFrozen: false, isHeld: false };

async function finish(gang: TestGang): Promise<void> {
  await gang.finish();
  await gang.expectSameAs(await referenceOf({ members: 2, command: mesh, gang: gang.name }));
}

test('in each phase of a checkpoint: the gang trains on, the epoch is kept or given up', async () => {
  await using sp = await startStillpoint({ nodes: ['n1', 'n2'] });
  const gang = await sp.run({ ranks: 2, command: mesh, pace });
  await gang.untilStep(1);
  const processes = memberProcesses(sp, 'n2');
  for (const phase of ['preflight', 'freeze', 'hold', 'note', 'dump', 'release', 'decide', 'persist']) {
    await killAgentAt(sp, phase, (onProgress) => sp.client.checkpoint(gang.name, {}, { onProgress }));
    expect([phase, await gang.settled(settledDeadlineMs)]).toEqual([phase, 'running']);
    expect((await gang.epochs()).at(-1)?.state).toMatch(/^(published|aborted|lost)$/);
    expect([phase, memberProcesses(sp, 'n2')]).toEqual([phase, processes]);
    expect([phase, memberStillness(sp, 'n2')]).toEqual([phase, running]);
    await gang.goOn(1);
  }
  expect(await gang.show()).toMatchObject({ incarnation: 1 });
  const { epoch } = await gang.checkpoint();
  expect(await gang.restore()).toMatchObject({ epoch, incarnation: 2 });
  await finish(gang);
});

test('in each phase of a checkpoint that stops: the gang trains on, or has stopped and comes back', async () => {
  await using sp = await startStillpoint({ nodes: ['n1', 'n2'] });
  const gang = await sp.run({ ranks: 2, command: mesh, pace });
  await gang.untilStep(1);
  for (const phase of ['preflight', 'freeze', 'hold', 'note', 'dump', 'decide', 'kill', 'persist']) {
    const request = { outcome: 'stop' } as const;
    await killAgentAt(sp, phase, (onProgress) => sp.client.checkpoint(gang.name, request, { onProgress }));
    const state = await gang.settled(settledDeadlineMs);
    const epoch = (await gang.epochs()).at(-1);
    expect([phase, state, epoch?.state]).toEqual(
      state === 'stopped' ? [phase, 'stopped', 'published'] : [phase, 'running', 'aborted'],
    );
    if (state === 'stopped') {
      await sp.untilNoMembers();
      expect(await gang.restore()).toMatchObject({ epoch: epoch?.epoch });
    }
    expect([phase, memberStillness(sp, 'n2')]).toEqual([phase, running]);
    await gang.goOn(1);
  }
  await finish(gang);
});

test('in each phase of a restore: the gang runs, or the same verb brings it back', async () => {
  await using sp = await startStillpoint({ nodes: ['n1', 'n2'] });
  const gang = await sp.run({ ranks: 2, command: mesh, pace });
  await gang.untilStep(1);
  const { epoch } = await gang.checkpoint();
  for (const phase of ['preflight', 'open', 'prepare', 'restore', 'decide', 'lift', 'verify']) {
    const end = await killAgentAt(sp, phase, (onProgress) =>
      sp.client.restore(gang.name, {}, { onProgress }),
    );
    const state = await gang.settled(settledDeadlineMs);
    if (!(end instanceof Error)) expect([phase, state]).toEqual([phase, 'running']);
    if (state !== 'running') {
      await sp.untilNoMembers();
      expect(await gang.restore()).toMatchObject({ epoch });
    }
    expect([phase, memberStillness(sp, 'n2')]).toEqual([phase, running]);
    await gang.goOn(1);
  }
  await finish(gang);
});

test('while a gang starts or is stopped: all of it runs, or nothing is left of it', async () => {
  await using sp = await startStillpoint({ nodes: ['n1', 'n2'] });
  const cwd = await sp.makeFolder('gang');
  const [program, ...options] = mesh;
  const command = [workload(program), ...options, ...pace];
  const request = { name: 'gang', ranks: 2, nodes: 2, cwd, command, environment: {} };
  for (const phase of ['allocate', 'launch']) {
    const end = await killAgentAt(sp, phase, (onProgress) => sp.client.run(request, { onProgress }));
    if (end instanceof Error) {
      expect([phase, await sp.client.listGangs()]).toEqual([phase, []]);
    } else {
      const gang = sp.gang('gang', 2);
      await gang.untilStep(1);
      await killAgentAt(sp, 'stop', (onProgress) => sp.client.stop(gang.name, { onProgress }));
      expect(await gang.show()).toMatchObject({ state: 'stopped' });
      await sp.ok('rm', gang.name);
    }
    await sp.untilNoMembers();
  }
});

test('while nobody can start another: a held member stays held, a running one runs, and both go on later', async () => {
  await using criu = await makeMischievousCriu();
  await using sp = await startStillpoint({
    nodes: ['n1', 'n2'],
    env: { ...criu.env, STILLPOINT_HOLD_BUDGET: '5' },
  });
  const gang = await sp.run({ ranks: 2, command: alone });
  await gang.goOn(1);
  await criu.order('dump', 'gang-1', 'hang');
  const checkpoint = sp.client.checkpoint(gang.name).catch((error: unknown) => error);
  await criu.untilDone('dump', 'gang-1');
  const agent = await agentPid(sp);
  await untilOutputGrows(sp, 0);
  await sp.killCoordinator();
  process.kill(agent, 'SIGKILL');
  expect(await checkpoint).toBeInstanceOf(Error);

  const processes = memberProcesses(sp, 'n2');
  const written = outputBytes(sp, 1);
  for (let step = 0; step < 3; step += 1) {
    await untilOutputGrows(sp, 0);
    expect(memberStillness(sp, 'n1')).toEqual(running);
    expect(memberStillness(sp, 'n2')).toEqual({ isFrozen: true, isHeld: true });
  }
  expect(outputBytes(sp, 1)).toBe(written);
  await sp.ok('ps');
  expect(await gang.settled(settledDeadlineMs)).toBe('running');
  expect(await gang.show()).toMatchObject({ incarnation: 1 });
  await untilOutputGrows(sp, 1);
  expect(memberProcesses(sp, 'n2')).toEqual(processes);
  expect(memberStillness(sp, 'n2')).toEqual(running);
  await gang.checkpoint();
  await gang.restore();
  await gang.goOn(1);
});
