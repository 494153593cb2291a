// The mesh without Stillpoint: every kind of connection, and every fault that its receiver must notice.
import { beforeAll, expect, test } from 'vitest';
import { buildWorkloads, compareRuns, parseSteps, runReference, verdictOf } from './harness.ts';
import type { ReferenceRun } from './harness.ts';

beforeAll(buildWorkloads);

async function mesh(members: number, ...options: string[]): Promise<ReferenceRun> {
  return runReference({ members, command: ['build/mesh', ...options], deadlineMs: 60_000 });
}

function verdicts(run: ReferenceRun): string[] {
  return run.members.map((member) => verdictOf(member.stdout).kind);
}

test.each([
  ['plain', 3, []],
  ['with IPv6', 2, ['--ipv6']],
  ['with IPv4-mapped IPv6', 2, ['--mapped']],
  ['with a local pair', 2, ['--local']],
  ['with slow readers', 2, ['--rate-mb', '30']],
  ['with sockets closed with unsent data and resets', 3, ['--close-unsent', '--reset']],
  ['with half-open connections', 2, ['--half-open']],
])('a mesh %s ends with every chain unbroken', async (_, members, options) => {
  const run = await mesh(members, '--messages', '96', ...options);
  expect(run.members.map((member) => [member.code, member.stderr])).toEqual(run.members.map(() => [0, '']));
  expect(verdicts(run)).toEqual(run.members.map(() => 'ok'));
  expect(parseSteps(run.members[0]!.stdout).map((record) => record.step)).toEqual([0, 1, 2]);
});

test('the chains are the same in every run', async () => {
  const runs = [await mesh(2, '--messages', '96'), await mesh(2, '--messages', '96')];
  const [reference, other] = runs.map((run) => run.members.map((member) => parseSteps(member.stdout)));
  expect(compareRuns(reference!, other!)).toMatchObject({ identical: 3, of: 3 });
});

test.each([
  ['flip', /message 40 from rank 0 differs at byte/],
  ['drop', /message 40 from rank 0 differs at byte 8/],
  ['double', /message 41 from rank 0 differs at byte 8/],
  ['early', /message 40 from rank 0 differs at byte 8/],
])('a message that is wrong (%s) is noticed', async (fault, line) => {
  const run = await mesh(2, '--messages', '96', '--inject', fault, '--inject-at', '40');
  expect(run.members[1]!.code).toBe(1);
  expect(verdictOf(run.members[1]!.stdout)).toEqual({ kind: 'corrupt', line: expect.stringMatching(line) });
});

test('a link that falls silent is noticed', async () => {
  const options = ['--messages', '96', '--stuck-s', '1', '--inject', 'stall', '--inject-at', '40'];
  // The silent one itself has nothing to notice: it waits until it is ended.
  const run = await runReference({ members: 2, command: ['build/mesh', ...options], deadlineMs: 4_000 });
  expect(verdictOf(run.members[1]!.stdout)).toEqual({
    kind: 'corrupt',
    line: 'CORRUPT: rank 0 is silent: message 40 never came',
  });
});

test.each([
  ['cut-burst', '--close-unsent', /burst 1: Connection reset/],
  ['lose-burst', '--close-unsent', /only 2 of 3 bursts came/],
  ['lose-reset', '--reset', /burst 1 is stuck: its reset never came/],
])('a side connection that goes wrong (%s) is noticed', async (fault, mode, line) => {
  const run = await mesh(
    2,
    '--messages',
    '64',
    mode,
    '--stuck-s',
    '2',
    '--inject',
    fault,
    '--inject-at',
    '1',
  );
  expect(verdictOf(run.members[1]!.stdout)).toEqual({ kind: 'corrupt', line: expect.stringMatching(line) });
});

test('two processes of one member notice it over loopback, too', async () => {
  const run = await mesh(1, '--messages', '64', '--local', '--inject', 'flip', '--inject-at', '20');
  expect(run.members[0]!.code).toBe(1);
  expect(run.members[0]!.stdout).toMatch(/CORRUPT: message 20 from rank 1000/);
});

test('a connection to the outside that cannot be made is no corruption', async () => {
  const run = await mesh(2, '--messages', '64', '--rate-mb', '20', '--outside', '127.0.0.1:9');
  expect(run.members.map((member) => member.code)).toEqual([0, 0]);
  expect(run.members[0]!.stdout).toMatch(/outside lost: Connection refused/);
});

test('wrong usage is refused', async () => {
  const run = await mesh(1, '--messages', 'many');
  expect(run.members[0]).toMatchObject({ code: 2, stderr: 'refused: --messages: not a number: many\n' });
});
