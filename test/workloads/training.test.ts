// The PyTorch workloads without Stillpoint: deterministic, agreed between ranks, and ending with OK.
import { expect, test } from 'vitest';
import { compareRuns, parseSteps, parseTimes, runReference, verdictOf } from './harness.ts';
import type { ReferenceRun } from './harness.ts';

const steps = 6;

function stepsOf(run: ReferenceRun): ReturnType<typeof parseSteps>[] {
  return run.members.map((member) => parseSteps(member.stdout));
}

test('ddp.py gives the same bits in two runs, in its output as in its step log', async () => {
  const command = ['ddp.py', '--steps', String(steps), '--size-mb', '24', '--times', 'times.{rank}'] as const;
  const collect = ['steps.0.log', 'steps.1.log', 'weights.1.sha256', 'times.1'];
  const first = await runReference({ members: 2, command, collect });
  const second = await runReference({ members: 2, command });
  expect(first.members.map((member) => [member.code, member.stderr])).toEqual([
    [0, ''],
    [0, ''],
  ]);
  expect(compareRuns(stepsOf(first), stepsOf(second))).toEqual({
    identical: steps,
    of: steps,
    ranks: 2,
    firstDifference: undefined,
  });
  const logs = ['steps.0.log', 'steps.1.log'].map((name) => parseSteps(first.files.get(name) ?? ''));
  expect(logs).toEqual(stepsOf(first));
  expect(verdictOf(first.members[1]!.stdout)).toEqual({
    kind: 'ok',
    line: `OK steps ${String(steps)} weights ${first.files.get('weights.1.sha256')!.trim()}`,
  });
  expect(parseTimes(first.files.get('times.1')!).map((time) => time.step)).toEqual([0, 1, 2, 3, 4, 5]);
});

test('torchrun.sh runs two ranks a member', async () => {
  const run = await runReference({
    members: 2,
    command: ['torchrun.sh', '--steps', String(steps)],
    collect: ['steps.0.log', 'steps.3.log'],
  });
  expect(run.members.map((member) => member.code)).toEqual([0, 0]);
  const workers = run.members.flatMap((member) => [0, 1].map((local) => parseSteps(member.stdout, local)));
  expect(workers.map((records) => records.length)).toEqual([steps, steps, steps, steps]);
  expect(workers[3]).toEqual(parseSteps(run.files.get('steps.3.log')!));
  expect(verdictOf(run.members[0]!.stdout, 1).kind).toBe('ok');
});

test('dataloader.py verifies every batch of its workers', async () => {
  const command = ['dataloader.py', '--steps', String(steps)] as const;
  const runs = [await runReference({ members: 2, command }), await runReference({ members: 2, command })];
  expect(runs[0]!.members.map((member) => [member.code, member.stderr])).toEqual([
    [0, ''],
    [0, ''],
  ]);
  expect(compareRuns(stepsOf(runs[0]!), stepsOf(runs[1]!)).identical).toBe(steps);
});
