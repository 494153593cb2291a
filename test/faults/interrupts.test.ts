// Ctrl-C at each step of each verb: it says what became of its work, and the training goes on or can be brought back.
import { expect, test } from 'vitest';
import type { TestGang } from '../support/gang.ts';
import { refusalOf } from '../support/refusal.ts';
import { type Stillpoint, startStillpoint } from '../support/stillpoint.ts';
import { until } from '../support/until.ts';
import { referenceOf, workload } from '../workloads/harness.ts';

const mesh = ['build/mesh', '--messages', '4000'] as const;
const pace = ['--rate-mb', '4'] as const;

/** Interrupts a verb once it says that it is in a phase. @returns what it said became of its work */
async function interruptAt(sp: Stillpoint, phase: string, ...line: readonly string[]): Promise<string> {
  const [verb = '', ...args] = line;
  const running = sp.start(verb, '--json', ...args);
  running.signalAt(new RegExp(`: ${phase}\\b`), 'SIGINT');
  const result = await running.result;
  expect([phase, result.code, result.stderr]).toEqual([phase, 130, expect.stringContaining(`: ${phase}`)]);
  const { code, message } = refusalOf(result, 130);
  expect(code).toBe('SP_INTERRUPTED_BY_SIGNAL');
  return message;
}

async function finish(gang: TestGang): Promise<void> {
  await gang.finish();
  await gang.expectSameAs(await referenceOf({ members: 2, command: mesh, gang: gang.name }));
}

test('run: nothing is left of the gang, and its name is free', async () => {
  await using sp = await startStillpoint();
  const cwd = await sp.makeFolder('gang');
  const command = ['--nodes', '2', '--cwd', cwd, '--', workload('build/mesh'), ...mesh.slice(1)];
  for (const phase of ['nodes', 'allocate', 'launch']) {
    // so many that none of the phases is over before the signal arrives
    const said = await interruptAt(sp, phase, 'run', 'gang', '--ranks', '8', ...command);
    // a node that is being added is waited for, but not by whoever has hung up
    expect(said).toMatch(
      /the start was given up; there is no gang "gang"|the start of "gang" is being given up/,
    );
    await until(async () => (await sp.client.listGangs()).length === 0 || undefined, 'the end of the start');
    expect(sp.membersLeft()).toEqual([]);
  }
  await sp.ok('run', 'gang', '--ranks', '2', ...command);
  await finish(sp.gang('gang', 2));
});

test('checkpoint: the epoch is given up, or kept if it was decided, and the gang runs on', async () => {
  await using sp = await startStillpoint();
  const gang = await sp.run({ ranks: 2, command: mesh, pace });
  await gang.untilStep(1);
  for (const phase of ['preflight', 'freeze', 'hold', 'note', 'dump', 'release', 'decide', 'persist']) {
    const said = await interruptAt(sp, phase, 'checkpoint', gang.name);
    expect([phase, await gang.settled()]).toEqual([phase, 'running']);
    const { state } = (await gang.epochs()).at(-1) ?? {};
    expect([phase, state, said]).toEqual(
      state === 'aborted'
        ? [phase, 'aborted', expect.stringContaining('was given up; "gang" runs on')]
        : [phase, 'published', expect.stringMatching(/was (decided|published) before that/)],
    );
    await gang.goOn(1);
  }
  expect(await gang.show()).toMatchObject({ incarnation: 1 });
  await finish(gang);
});

test('checkpoint --stop: the gang runs on, or has stopped and comes back', async () => {
  await using sp = await startStillpoint();
  const gang = await sp.run({ ranks: 2, command: mesh, pace });
  await gang.untilStep(1);
  for (const phase of ['preflight', 'hold', 'dump', 'decide', 'kill', 'persist']) {
    await interruptAt(sp, phase, 'checkpoint', gang.name, '--stop');
    const state = await gang.settled();
    const epoch = (await gang.epochs()).at(-1);
    expect([phase, state, epoch?.state]).toEqual(
      state === 'stopped' ? [phase, 'stopped', 'published'] : [phase, 'running', 'aborted'],
    );
    if (state === 'stopped') {
      await sp.untilNoMembers();
      expect(await gang.restore()).toMatchObject({ epoch: epoch?.epoch });
    }
    await gang.goOn(1);
  }
  await finish(gang);
});

test('restore: what ran runs on, or all of it is ended and the same verb brings it back', async () => {
  await using sp = await startStillpoint();
  const gang = await sp.run({ ranks: 2, command: mesh, pace });
  await gang.untilStep(1);
  const { epoch } = await gang.checkpoint();
  for (const phase of ['preflight', 'open', 'prepare', 'restore', 'decide', 'lift']) {
    const said = await interruptAt(sp, phase, 'restore', gang.name);
    const state = await gang.settled();
    expect([phase, said]).toEqual([phase, expect.stringContaining(`"gang" is ${state}`)]);
    if (state !== 'running') {
      await sp.untilNoMembers();
      expect(await gang.restore()).toMatchObject({ epoch });
    }
    await gang.goOn(1);
  }
  await finish(gang);
});

test('migrate: the gang runs, where it was or where it was to go', async () => {
  await using sp = await startStillpoint({ nodes: ['n1', 'n2', 'n3'] });
  const gang = await sp.run({ ranks: 2, command: mesh, pace });
  await gang.untilStep(1);
  for (const phase of ['preflight', 'dump', 'kill', 'persist', 'prepare', 'restore', 'lift']) {
    const { members } = await gang.show();
    const [from, to] = members.some(({ node }) => node === 'n2') ? ['n2', 'n3'] : ['n3', 'n2'];
    const said = await interruptAt(sp, phase, 'migrate', gang.name, '--from', from, '--onto', to);
    expect([phase, await gang.settled()]).toEqual([phase, 'running']);
    expect([phase, said]).toEqual([phase, expect.stringContaining('"gang" is running')]);
    await gang.goOn(1);
  }
  await finish(gang);
});

test('stop: the gang is stopped all the same', async () => {
  await using sp = await startStillpoint();
  const gang = await sp.run({ ranks: 2, command: mesh, pace });
  await gang.untilStep(1);
  const { epoch } = await gang.checkpoint();
  expect(await interruptAt(sp, 'stop', 'stop', gang.name)).toContain('"gang" is stopped');
  await sp.untilNoMembers();
  expect(await gang.restore()).toMatchObject({ epoch });
  await finish(gang);
});
