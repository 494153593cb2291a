// kill -9 of the coordinator at every step of its work: the ranks go on, and the next one finishes or aborts it.
import { expect, test } from 'vitest';
import type { Progress } from '@stillpoint/coordinator';
import { type TestGang } from '../support/gang.ts';
import { type Stillpoint, startStillpoint } from '../support/stillpoint.ts';
import { until } from '../support/until.ts';
import { referenceOf } from '../workloads/harness.ts';

const mesh = ['build/mesh', '--messages', '5000'] as const;
const pace = ['--rate-mb', '8'];

type Verb = (onProgress: (progress: Progress) => void) => Promise<unknown>;

/** Kills the coordinator once the verb has come to a phase. @returns false when the verb ended before */
async function crashAt(sp: Stillpoint, phase: string, verb: Verb): Promise<boolean> {
  const { pid } = await sp.client.health();
  let isKilled = false;
  const running = verb((progress) => {
    if (isKilled || progress.phase !== phase) return;
    isKilled = true;
    process.kill(pid, 'SIGKILL');
  });
  await running.catch((error: unknown) => {
    if (!isKilled) throw error;
  });
  return isKilled;
}

/** Starts the next coordinator, and waits until it has dealt with what it found. */
async function recover(sp: Stillpoint, gang: TestGang): Promise<void> {
  await sp.ok('ps');
  await until(async () => {
    const { state, openEpoch } = await gang.show();
    return (openEpoch === undefined && !['starting', 'restoring', 'stopping'].includes(state)) || undefined;
  }, 'a gang with nothing under way');
}

test('while a checkpoint is made: the gang runs on, the epoch is kept or given up', async () => {
  await using sp = await startStillpoint();
  const gang = await sp.run({ ranks: 2, command: mesh, pace });
  await gang.untilStep(1);
  for (const phase of ['preflight', 'freeze', 'hold', 'note', 'dump', 'release', 'decide', 'persist']) {
    expect([
      phase,
      await crashAt(sp, phase, (onProgress) => sp.client.checkpoint(gang.name, {}, { onProgress })),
    ]).toEqual([phase, true]);
    await recover(sp, gang);
    expect(await gang.show()).toMatchObject({ state: 'running', incarnation: 1 });
    expect((await gang.epochs()).at(-1)?.state).toMatch(/^(published|aborted|lost)$/);
    await gang.goOn(1);
  }
  const { epoch } = await gang.checkpoint();
  expect(await gang.restore()).toMatchObject({ epoch, incarnation: 2 });
  await gang.finish();
  await gang.expectSameAs(await referenceOf({ members: 2, command: mesh, gang: gang.name }));
});

test('while a gang is stopped with a checkpoint: it runs on, or it has stopped and comes back', async () => {
  await using sp = await startStillpoint();
  const gang = await sp.run({ ranks: 2, command: mesh, pace });
  await gang.goOn(1);
  await gang.checkpoint();
  for (const phase of ['hold', 'dump', 'persist', 'decide', 'kill']) {
    await gang.goOn(1);
    const stop: Verb = (onProgress) => sp.client.checkpoint(gang.name, { outcome: 'stop' }, { onProgress });
    await crashAt(sp, phase, stop);
    await recover(sp, gang);
    const { state } = await gang.show();
    expect(['running', 'stopped']).toContain(state);
    if (state === 'stopped') {
      await sp.untilNoMembers();
      await gang.restore();
    }
  }
  await gang.finish();
  await gang.expectSameAs(await referenceOf({ members: 2, command: mesh, gang: gang.name }));
});

test('while a gang is restored: it runs, or it is brought back by the same verb', async () => {
  await using sp = await startStillpoint();
  const gang = await sp.run({ ranks: 2, command: mesh, pace });
  await gang.goOn(1);
  await gang.checkpoint();
  for (const phase of ['preflight', 'open', 'prepare', 'restore', 'decide', 'lift']) {
    await crashAt(sp, phase, (onProgress) => sp.client.restore(gang.name, {}, { onProgress }));
    await recover(sp, gang);
    const { state, incarnation } = await gang.show();
    expect([phase, ['running', 'failed', 'stopped'].includes(state)]).toEqual([phase, true]);
    if (state !== 'running') {
      await sp.untilNoMembers();
      expect((await gang.restore()).incarnation).toBeGreaterThan(incarnation);
    }
    await gang.goOn(1);
  }
  await gang.finish();
  await gang.expectSameAs(await referenceOf({ members: 2, command: mesh, gang: gang.name }));
});

test('while nothing is done: the ranks notice nothing, and their end is seen', async () => {
  await using sp = await startStillpoint();
  const command = ['build/mesh', '--messages', '2000'] as const;
  const gang = await sp.run({ ranks: 2, command, pace });
  await gang.goOn(1);
  await sp.killCoordinator();
  await sp.ok('ps');
  await gang.goOn(1);
  await sp.killCoordinator();
  await gang.hurry();
  // the gang may end while nobody looks
  const waited = await sp.cli('wait', gang.name);
  expect([waited.code, waited.stderr]).toEqual([0, expect.stringContaining('completed')]);
  await gang.expectSameAs(await referenceOf({ members: 2, command, gang: gang.name }));
});
