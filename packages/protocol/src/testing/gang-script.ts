// Golden traces of the coordinator's machine of an epoch.
import { recoverGangEpoch, startGangEpoch, stepGangEpoch, type GangEpochState } from '../gang/epoch.ts';
import type { GangDeadline, GangEffect, GangEpochInput, GangEvent } from '../gang/events.ts';
import { failures } from '../failures.ts';
import type { HookStage } from '../gang/hooks.ts';
import { fenceNumber, memberId, nodeName } from '../ids.ts';
import { gangEpochLimits } from '../limits.ts';
import type { Decision, FilesPolicy, Outcome } from '../messages.ts';
import { invariant, type Step } from '../step.ts';
import { parseReport, testHeader } from './fixtures.ts';
import { compact, type Performer } from './script.ts';

/**
 * `resume 0@a 1@b`: the outcome, and each member at its node; `resume/keep`: a policy for files; `resume/keep/hold,dump`:
 * hooks at these stages, for a second.
 */
export const makeGangInput = ([kind = '', ...places]: readonly string[]): GangEpochInput => ({
  header: testHeader,
  outcome: (kind.split('/')[0] ?? '') as Outcome,
  outside: 'refuse',
  files: (kind.split('/')[1] ?? 'refuse') as FilesPolicy,
  members: places.map((place) => {
    const [member = '', node = ''] = place.split('@');
    return { member: memberId(Number(member)), node: nodeName(node) };
  }),
  persistId: '1',
  limits: gangEpochLimits,
  hooks: Object.fromEntries(
    (kind.split('/')[2] ?? '')
      .split(',')
      .filter(Boolean)
      .map((stage) => [stage, 1000]),
  ),
});

/** The words of a gang script, one event a line. */
function parseEvent([kind = '', first = '', ...rest]: readonly string[]): GangEvent {
  switch (kind) {
    case 'reply':
    case 'stale-reply': {
      const header = kind === 'reply' ? testHeader : { ...testHeader, fence: fenceNumber(2) };
      const reports = rest.map(parseReport);
      return {
        kind: 'ReplyReceived',
        reply: { ...header, kind: 'Reports', node: nodeName(first), reports, spans: [] },
      };
    }
    case 'expire':
      return { kind: 'DeadlineExpired', name: first as GangDeadline };
    case 'tick':
      return { kind: 'Tick' };
    case 'ledger':
      return first === 'unavailable'
        ? { kind: 'LedgerUnavailable' }
        : { kind: 'DecisionWritten', decision: first as Decision };
    case 'abort':
      return { kind: 'AbortRequested', reason: [first, ...rest].join(' ') };
    case 'manifest':
      return first === 'written'
        ? { kind: 'ManifestWritten' }
        : { kind: 'ManifestFailed', reason: rest.join(' ') };
    case 'hooks':
      return {
        kind: 'HooksFinished',
        stage: first as HookStage,
        failure: rest[0] === 'fail' ? failures.hooksOverdue(first) : null,
        warnings: rest[0] === 'warn' ? [failures.hooksOverdue(first)] : [],
      };
    case 'member-lost':
      return { kind: 'MemberLost', member: memberId(Number(first)), reason: rest.join(' ') };
    case 'node-lost':
      return { kind: 'NodeLost', node: nodeName(first) };
    default:
      throw new Error(`no such event: ${kind}`);
  }
}

function describe(effect: GangEffect): string {
  switch (effect.kind) {
    case 'Send': {
      const {
        gang: _gang,
        incarnation: _incarnation,
        epoch: _epoch,
        fence: _fence,
        kind,
        ...order
      } = effect.command;
      return `Send ${effect.node} ${kind}${Object.keys(order).length === 0 ? '' : ` ${compact(order)}`}`;
    }
    case 'WriteManifest':
      return `WriteManifest of ${effect.members.map(({ member }) => member).join(' ')}`;
    case 'Finish': {
      const codes = effect.warnings.map(({ code }) => code);
      return `Finish ${effect.result} ${compact({ ...effect.failure })} warnings ${compact(codes)}`;
    }
    case 'WriteDecision':
    case 'SetDeadline':
    case 'ClearDeadline':
    case 'RunHooks':
    case 'Record': {
      const { kind, ...rest } = effect;
      return `${kind} ${compact(rest)}`;
    }
  }
}

/** The usual way through an epoch of members 0 at node a and 1 at node b: how each phase is answered. */
const usualWay: readonly (readonly [phase: string, ...answers: string[]])[] = [
  ['preflight', 'reply a 0:Ready', 'reply b 1:Ready'],
  ['freeze', 'reply a 0:Frozen', 'reply b 1:Frozen'],
  ['drain', 'expire drain'],
  ['hold', 'reply a 0:Held', 'reply b 1:Held'],
  ['note', 'reply a 0:Noted', 'reply b 1:Noted'],
  ['dump', 'reply a 0:Dumped', 'reply b 1:Dumped'],
  ['release', 'reply a 0:Released', 'reply b 1:Released'],
  ['decide', 'ledger commit'],
  ['kill', 'reply a 0:Killed', 'reply b 1:Killed'],
  ['survey', 'reply a 0:Surveyed', 'reply b 1:Surveyed'],
];

/** A performer with its own machine. The state goes through JSON after every event, as a driver may do. */
export function makeGangPerformer(): Performer {
  let state: GangEpochState | null = null;
  const take = (step: Step<GangEpochState, GangEffect>): string[] => {
    state = JSON.parse(JSON.stringify(step.state)) as GangEpochState;
    return [...step.effects.map(describe), `= ${compact(state.value)}`];
  };
  const perform: Performer = (words) => {
    const [verb = '', ...rest] = words;
    if (verb === 'start') return take(startGangEpoch(makeGangInput(rest)));
    if (verb === 'recover') {
      const [found, ...input] = rest;
      return take(recoverGangEpoch(makeGangInput(input), found === 'undecided' ? null : (found as Decision)));
    }
    invariant(state !== null, 'a script begins with start or recover');
    if (verb === 'until') return goOnUntil(rest[0] ?? '');
    return take(stepGangEpoch(state, parseEvent(words)));
  };
  /** `until hold`: the usual way to that phase, without its trace. */
  const goOnUntil = (phase: string): readonly string[] => {
    const isIn = (wanted: string): boolean => new RegExp(`\\b${wanted}\\b`).test(compact(state?.value));
    for (const [passed, ...answers] of usualWay) {
      if (isIn(phase)) break;
      if (isIn(passed)) for (const answer of answers) perform(answer.split(' '));
    }
    invariant(isIn(phase), `the usual way leads to ${phase}, not to ${compact(state?.value)}`);
    return [`= ${compact(state?.value)}`];
  };
  return perform;
}
