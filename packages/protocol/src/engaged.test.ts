// While an epoch has a member in its hands no other may touch it; once it has let go, by whatever way, others may.
import { expect, test } from 'vitest';
import { memberId } from './ids.ts';
import { memberEpochLimits } from './limits.ts';
import { isMemberEngaged, startMemberEpoch, stepMemberEpoch } from './member/epoch.ts';
import type { MemberEvent, MemberStepName } from './member/events.ts';
import type { Decision, EpochOrder, Outcome } from './messages.ts';
import { makeStepResult, testHeader, testHold } from './testing/fixtures.ts';

const member = memberId(0);
const policy = { outside: 'refuse', files: 'refuse' } as const;

const command = (order: EpochOrder): MemberEvent => ({
  kind: 'CommandReceived',
  command: { ...testHeader, ...order },
});
const done = (step: MemberStepName): MemberEvent => ({
  kind: 'StepDone',
  ...makeStepResult(step, member, testHold(member)),
});

test.each<[Outcome, Decision, MemberStepName]>([
  ['resume', 'commit', 'release'],
  ['stop', 'abort', 'release'],
  ['stop', 'commit', 'kill'],
])('%s, %s: from the freeze until the %s is done', (outcome, decision, last) => {
  const way: readonly [boolean, MemberEvent][] = [
    [false, command({ kind: 'Preflight', outcome, ...policy })],
    [false, done('preflight')],
    [true, command({ kind: 'Freeze', outcome, deadManMs: 15_000 })],
    [true, done('freeze')],
    [true, command({ kind: 'Hold' })],
    [true, done('hold')],
    [true, command({ kind: 'Dump' })],
    [true, done('note')],
    [true, done('dump')],
    [true, done('check')],
    [true, command({ kind: 'AllNoted' })],
    [true, command({ kind: 'Decided', decision, reason: 'a test' })],
    [false, done(last)],
  ];
  const holdId = testHold(member);
  const input = { header: testHeader, member, outcome, ...policy, holdId, limits: memberEpochLimits };
  let { state } = startMemberEpoch(input);
  for (const [isEngaged, event] of way) {
    ({ state } = stepMemberEpoch(state, event));
    expect([event, isMemberEngaged(state)]).toEqual([event, isEngaged]);
  }
});
