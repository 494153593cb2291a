// The smaller workloads without Stillpoint: they end as they should, and the same in every run.
import { beforeAll, expect, test } from 'vitest';
import { buildWorkloads, compareRuns, parseSteps, runReference, verdictOf } from './harness.ts';

beforeAll(buildWorkloads);

test.each([
  ['build/tree', ['--step-ms', '5']],
  ['files.py', ['--step-ms', '5', '--shared', 'shared.log', '--in-place', '--replace']],
  ['clocks.py', []],
  ['ballast.py', ['--mb', '20', '--step-ms', '5']],
  ['channel.py', ['--step-ms', '1']],
  ['sysv.py', ['--step-ms', '1']],
  ['build/hang', ['--hang-at', '3', '--hang-ms', '300', '--kind', 'lock']],
  ['build/hang', ['--hang-at', '3', '--hang-ms', '300', '--kind', 'vfork']],
  ['build/uring', ['--step-ms', '5']],
] as const)('%s %s', async (program, options) => {
  const command = [program, '--steps', '12', ...options] as const;
  const first = await runReference({ members: 2, command });
  const second = await runReference({ members: 2, command });
  for (const member of [...first.members, ...second.members]) {
    expect([member.code, member.stderr]).toEqual([0, '']);
    expect(verdictOf(member.stdout).kind).toBe('ok');
  }
  const [reference, other] = [first, second].map((run) => run.members.map((m) => parseSteps(m.stdout)));
  expect(compareRuns(reference!, other!)).toMatchObject({ identical: 12, of: 12 });
});

test('forkbomb.py accounts for every child', async () => {
  const run = await runReference({ members: 1, command: ['forkbomb.py', '--steps', '20'] });
  expect(run.members[0]).toMatchObject({
    code: 0,
    stderr: '',
    stdout: expect.stringContaining('OK steps 20'),
  });
});

test('exit7.py ends with its code', async () => {
  const command = ['exit7.py', '--steps', '2', '--only-rank', '1'] as const;
  const run = await runReference({ members: 2, command });
  expect(run.members.map((member) => member.code)).toEqual([0, 7]);
});

test('a gang that does not end is ended at its deadline', async () => {
  const run = await runReference({ members: 2, command: ['/bin/sleep', 'infinity'], deadlineMs: 500 });
  expect(run).toMatchObject({ timedOut: true, members: [{ code: undefined }, { code: undefined }] });
});
