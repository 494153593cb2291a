// Golden traces of an agent's machine of a member. The member is number 0 of the fixtures' gang.
import { epochNumber, fenceNumber, holdId, memberId } from '../ids.ts';
import { memberEpochLimits } from '../limits.ts';
import type { MemberEffect, MemberEpochState } from '../member/effects.ts';
import { startMemberEpoch, stepMemberEpoch } from '../member/epoch.ts';
import type { MemberDeadline, MemberEpochInput, MemberEvent, MemberStepName } from '../member/events.ts';
import type { Decision, EpochHeader, EpochOrder, Outcome, SurveyRound } from '../messages.ts';
import { invariant, type Step } from '../step.ts';
import { makeStepResult, testHeader, testHold } from './fixtures.ts';
import { compact, type Performer } from './script.ts';

const member = memberId(0);

const makeMemberInput = (outcome: Outcome): MemberEpochInput => ({
  header: testHeader,
  member,
  outcome,
  outside: 'refuse',
  files: 'refuse',
  holdId: testHold(member),
  limits: memberEpochLimits,
});

/** `Freeze`, `Decided commit`, `AllReleased 2`, ... */
function parseOrder(outcome: Outcome, [kind = '', argument = '']: readonly string[]): EpochOrder {
  switch (kind) {
    case 'Preflight':
      return { kind, outcome, outside: 'refuse', files: 'refuse' };
    case 'Freeze':
      return { kind, outcome, deadManMs: 15_000 };
    case 'Decided':
      return { kind, decision: argument as Decision, reason: 'the script says so' };
    case 'AllReleased':
      return { kind, round: Number(argument) as SurveyRound };
    case 'Settle':
      return { kind, halfDead: [] };
    case 'Hold':
    case 'Dump':
    case 'AllNoted':
    case 'Forget':
      return { kind };
    case 'Persist':
      return { kind, persistId: argument === '' ? '1' : argument };
    default:
      throw new Error(`no such order: ${kind}`);
  }
}

/** The words of a member script, one event a line. */
function parseEvent(outcome: Outcome, words: readonly string[]): MemberEvent {
  const [kind = '', first = '', ...rest] = words;
  const command = (header: EpochHeader, order: readonly string[]): MemberEvent => ({
    kind: 'CommandReceived',
    command: { ...header, ...parseOrder(outcome, order) },
  });
  switch (kind) {
    case 'command':
      return command(testHeader, words.slice(1));
    case 'fenced':
      return command({ ...testHeader, fence: fenceNumber(Number(first)) }, rest);
    case 'of-epoch':
      return command({ ...testHeader, epoch: epochNumber(Number(first)) }, rest);
    case 'done':
      return {
        kind: 'StepDone',
        ...makeStepResult(
          first as MemberStepName,
          member,
          rest[0] === 'other-hold' ? holdId('other') : testHold(member),
        ),
      };
    case 'failed':
      return {
        kind: 'StepFailed',
        step: first as MemberStepName,
        code: 'SP_TEST',
        message: `${first} failed`,
        remedy: 'None.',
        retryable: false,
      };
    case 'expire':
      return { kind: 'DeadlineExpired', name: first as MemberDeadline };
    case 'ledger':
      return { kind: 'DecisionRead', decision: first as Decision | 'none' | 'unavailable' };
    case 'restarted':
      return { kind: 'Restarted', found: { frozen: words.includes('frozen'), held: words.includes('held') } };
    case 'died':
      return { kind: 'MemberDied', reason: 'killed by signal 9' };
    case 'persist-failed':
      return { kind: 'PersistFailed', message: 'no space left' };
    case 'superseded':
      return { kind: 'Superseded' };
    default:
      throw new Error(`no such event: ${kind}`);
  }
}

function describe(effect: MemberEffect): string {
  switch (effect.kind) {
    case 'Persist':
      return `Persist ${compact(effect.record.value)}`;
    case 'Report': {
      const names = effect.reports.map((report) =>
        report.kind === 'Failed' ? `Failed(${report.code})` : report.kind,
      );
      return `Report ${names.join(' ')}`;
    }
    case 'Run': {
      const { kind: _kind, step, ...rest } = effect;
      return `Run ${step}${Object.keys(rest).length === 0 ? '' : ` ${compact(rest)}`}`;
    }
    case 'SetDeadline':
      return `SetDeadline ${effect.name} ${effect.afterMs} ms`;
    case 'ClearDeadline':
      return `ClearDeadline ${effect.name}`;
    case 'ReadDecision':
      return 'ReadDecision';
    case 'TryAbort':
      return `TryAbort ${effect.reason}`;
    case 'Refused':
      return `Refused ${effect.command}: ${effect.reason}`;
  }
}

/** The usual way through an epoch: what makes a member enter each state. */
const usualWay: readonly (readonly [state: string, event: string])[] = [
  ['preflight', 'command Preflight'],
  ['ready', 'done preflight'],
  ['freeze', 'command Freeze'],
  ['frozen', 'done freeze'],
  ['hold', 'command Hold'],
  ['held', 'done hold'],
  ['note', 'command Dump'],
  ['dump', 'done note'],
  ['check', 'done dump'],
  ['voted', 'done check'],
];

/** A performer with its own machine. `restarted` goes on from the last persisted record, as an agent does. */
export function makeMemberPerformer(): Performer {
  let state: MemberEpochState | null = null;
  let record: MemberEpochState | null = null;
  let past: MemberEpochState | null = null;
  let outcome: Outcome = 'resume';
  const take = (step: Step<MemberEpochState, MemberEffect>): string[] => {
    past = state;
    state = JSON.parse(JSON.stringify(step.state)) as MemberEpochState;
    for (const effect of step.effects) if (effect.kind === 'Persist') ({ record } = effect);
    return [...step.effects.map(describe), `= ${compact(state.value)}`];
  };
  const perform: Performer = (words) => {
    if (words[0] === 'start') {
      outcome = words[1] as Outcome;
      return take(startMemberEpoch(makeMemberInput(outcome)));
    }
    // What could not be persisted did not happen.
    const before = words[0] === 'restarted' ? record : words[0] === 'persist-failed' ? past : state;
    invariant(before !== null, 'a script begins with start');
    if (words[0] === 'until') return goOnUntil(words[1] ?? '');
    return take(stepMemberEpoch(before, parseEvent(outcome, words)));
  };
  /** `until held`: the usual way to that state, without its trace. */
  const goOnUntil = (wanted: string): readonly string[] => {
    const last = usualWay.findIndex(([name]) => name === wanted);
    invariant(last >= 0, `${wanted} is on the usual way`);
    for (const [, event] of usualWay.slice(0, last + 1)) perform(event.split(' '));
    return [`= ${compact(state?.value)}`];
  };
  return perform;
}
