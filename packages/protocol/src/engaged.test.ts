// While an epoch has a member in its hands no other may touch it; once it has let go, by whatever way, others may.
// What it has staged they make useless then, unless its coordinator may still need it.
import { expect, test } from 'vitest';
import { memberId } from './ids.ts';
import { memberEpochLimits } from './limits.ts';
import { isMemberEngaged, isStagingStale, startMemberEpoch, stepMemberEpoch } from './member/epoch.ts';
import type { MemberEpochState } from './member/effects.ts';
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

/** Up to the decision, and whether the member is engaged after each event. */
const untilDecided = (outcome: Outcome, decision: Decision): readonly [boolean, MemberEvent][] => [
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
];

function begin(outcome: Outcome): MemberEpochState {
  const holdId = testHold(member);
  const input = { header: testHeader, member, outcome, ...policy, holdId, limits: memberEpochLimits };
  return startMemberEpoch(input).state;
}

test.each<[Outcome, Decision, MemberStepName]>([
  ['resume', 'commit', 'release'],
  ['stop', 'abort', 'release'],
  ['stop', 'commit', 'kill'],
])('%s, %s: from the freeze until the %s is done', (outcome, decision, last) => {
  const way: readonly [boolean, MemberEvent][] = [...untilDecided(outcome, decision), [false, done(last)]];
  let state = begin(outcome);
  for (const [isEngaged, event] of way) {
    ({ state } = stepMemberEpoch(state, event));
    expect([event, isMemberEngaged(state)]).toEqual([event, isEngaged]);
  }
});

test.each<[string, boolean, Outcome, Decision, readonly MemberStepName[]]>([
  ['a resume', true, 'resume', 'commit', ['release', 'persist']],
  ['an abort', true, 'stop', 'abort', ['release']],
  ['a stop that is staged alone', false, 'stop', 'commit', ['kill']],
  ['a stop that is in the vault, perhaps without a manifest', false, 'stop', 'commit', ['kill', 'persist']],
])('a later epoch makes useless what is staged of %s: %s', (_, isStale, outcome, decision, steps) => {
  const way = [
    ...untilDecided(outcome, decision).map(([, event]) => event),
    command({ kind: 'Persist', persistId: '1' }),
    ...steps.map(done),
  ];
  let state = begin(outcome);
  for (const event of way) ({ state } = stepMemberEpoch(state, event));
  expect(state.context.done).toEqual(expect.arrayContaining([...steps]));
  expect(isStagingStale(state)).toBe(isStale);
});
