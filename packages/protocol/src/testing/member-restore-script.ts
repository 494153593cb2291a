// Golden traces of an agent's machine of a member in a restore attempt. The member is number 0.
import { fenceNumber, holdId, incarnationNumber, memberId } from '../ids.ts';
import { memberRestoreLimits } from '../limits.ts';
import type { MemberDeadline } from '../member/events.ts';
import type { MemberRestoreEffect, MemberRestoreState } from '../member-restore/effects.ts';
import type { MemberRestoreEvent, MemberRestoreStepName } from '../member-restore/events.ts';
import { startMemberRestore, stepMemberRestore } from '../member-restore/attempt.ts';
import type { RestoreHeader, RestoreOrder, RestoreOutcome } from '../restore-messages.ts';
import { invariant, type Step } from '../step.ts';
import { makeRestoreResult, testHold } from './fixtures.ts';
import { restoreHeader } from './restore-script.ts';
import { compact, type Performer } from './script.ts';

const member = memberId(0);

function parseOrder(kind: string): RestoreOrder {
  switch (kind) {
    case 'RestorePreflight':
      return { kind, members: [], files: 'refuse' };
    case 'Restore':
      return { kind, deadManMs: 15_000 };
    case 'Abandon':
      return { kind, reason: 'the script says so' };
    case 'Prepare':
    case 'Lift':
      return { kind };
    default:
      throw new Error(`no such order: ${kind}`);
  }
}

function parseEvent(words: readonly string[]): MemberRestoreEvent {
  const [kind = '', first = '', second = ''] = words;
  const command = (header: RestoreHeader, order: string): MemberRestoreEvent => ({
    kind: 'CommandReceived',
    command: { ...header, ...parseOrder(order) },
  });
  switch (kind) {
    case 'command':
      return command(restoreHeader, first);
    case 'fenced':
      return command({ ...restoreHeader, fence: fenceNumber(Number(first)) }, second);
    case 'of-incarnation':
      return command({ ...restoreHeader, incarnation: incarnationNumber(Number(first)) }, second);
    case 'done': {
      const hold = second === 'other-hold' ? holdId('other') : testHold(member);
      return { kind: 'StepDone', ...makeRestoreResult(first as MemberRestoreStepName, hold) };
    }
    case 'failed':
      return {
        kind: 'StepFailed',
        step: first as MemberRestoreStepName,
        code: 'SP_TEST',
        message: `${first} failed`,
        remedy: 'None.',
        retryable: false,
      };
    case 'expire':
      return { kind: 'DeadlineExpired', name: first as MemberDeadline };
    case 'ledger':
      return { kind: 'OutcomeRead', outcome: first as RestoreOutcome | 'none' | 'unavailable' };
    case 'restarted':
      return { kind: 'Restarted' };
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

function describe(effect: MemberRestoreEffect): string {
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
    case 'ReadOutcome':
      return 'ReadOutcome';
    case 'TryAbandon':
      return `TryAbandon ${effect.reason}`;
    case 'Refused':
      return `Refused ${effect.command}: ${effect.reason}`;
  }
}

/** The usual way through an attempt: what makes a member enter each state. */
const usualWay: readonly (readonly [state: string, event: string])[] = [
  ['preflight', 'command RestorePreflight'],
  ['ready', 'done preflight'],
  ['prepare', 'command Prepare'],
  ['prepared', 'done prepare'],
  ['restore', 'command Restore'],
  ['restored', 'done restore'],
  ['lift', 'command Lift'],
  ['verify', 'done lift'],
  ['running', 'done verify'],
];

/** A performer with its own machine. `restarted` goes on from the last persisted record, as an agent does. */
export function makeMemberRestorePerformer(): Performer {
  let state: MemberRestoreState | null = null;
  let record: MemberRestoreState | null = null;
  let past: MemberRestoreState | null = null;
  const take = (step: Step<MemberRestoreState, MemberRestoreEffect>): string[] => {
    past = state;
    state = JSON.parse(JSON.stringify(step.state)) as MemberRestoreState;
    for (const effect of step.effects) if (effect.kind === 'Persist') ({ record } = effect);
    return [...step.effects.map(describe), `= ${compact(state.value)}`];
  };
  const perform: Performer = (words) => {
    if (words[0] === 'start') {
      return take(
        startMemberRestore({
          header: restoreHeader,
          member,
          holdId: testHold(member),
          limits: memberRestoreLimits,
        }),
      );
    }
    // What could not be persisted did not happen.
    const before = words[0] === 'restarted' ? record : words[0] === 'persist-failed' ? past : state;
    invariant(before !== null, 'a script begins with start');
    if (words[0] === 'until') return goOnUntil(words[1] ?? '');
    return take(stepMemberRestore(before, parseEvent(words)));
  };
  /** `until restored`: the usual way to that state, without its trace. */
  const goOnUntil = (wanted: string): readonly string[] => {
    const last = usualWay.findIndex(([name]) => name === wanted);
    invariant(last >= 0, `${wanted} is on the usual way`);
    for (const [, event] of usualWay.slice(0, last + 1)) perform(event.split(' '));
    return [`= ${compact(state?.value)}`];
  };
  return perform;
}
