// Golden traces of the coordinator's machine of a restore attempt: incarnation 2 of the fixtures' gang.
import { fenceNumber, incarnationNumber, memberId, nodeName } from '../ids.ts';
import { restoreLimits } from '../limits.ts';
import {
  recoverRestoreAttempt,
  startRestoreAttempt,
  stepRestoreAttempt,
  type RestoreState,
} from '../restore/attempt.ts';
import type { RestoreDeadline, RestoreEffect, RestoreEvent, RestoreInput } from '../restore/events.ts';
import type { RestoreHeader, RestoreOutcome, RestoreReport } from '../restore-messages.ts';
import { invariant, type Step } from '../step.ts';
import { makeFailed, testHeader, testHold } from './fixtures.ts';
import { compact, type Performer } from './script.ts';

export const restoreHeader: RestoreHeader = { ...testHeader, incarnation: incarnationNumber(2) };

/** `0@a 1@b`: each member and its new node. */
const makeInput = (places: readonly string[]): RestoreInput => ({
  header: restoreHeader,
  members: places.map((place) => {
    const [member = '', node = ''] = place.split('@');
    const addresses = [{ from: `10.0.0.${Number(member) + 1}`, to: `10.0.1.${Number(member) + 1}` }];
    return { member: memberId(Number(member)), node: nodeName(node), addresses };
  }),
  files: 'refuse',
  limits: restoreLimits,
});

/** Reads `MEMBER:KIND[:VARIANT]`. */
function parseRestoreReport(word: string): RestoreReport {
  const [index = '', kind = '', variant = ''] = word.split(':');
  const member = memberId(Number(index));
  switch (kind) {
    case 'RestoreReady': {
      const blocker = {
        code: 'SP_NO_ROOM',
        member,
        message: `no room for member ${member}`,
        remedy: 'Free memory.',
      };
      return { kind, member, blockers: variant === 'blocked' ? [blocker] : [] };
    }
    case 'Restored':
      return { kind, member, holdId: testHold(member) };
    case 'Prepared':
    case 'Lifted':
    case 'Running':
    case 'Abandoned':
    case 'InDoubt':
      return { kind, member };
    case 'Failed':
      return makeFailed(member, variant);
    default:
      throw new Error(`no such report: ${word}`);
  }
}

/** The words of a restore script, one event a line. */
function parseEvent([kind = '', first = '', ...rest]: readonly string[]): RestoreEvent {
  switch (kind) {
    case 'reply':
    case 'stale-reply': {
      const header = kind === 'reply' ? restoreHeader : { ...restoreHeader, fence: fenceNumber(2) };
      const reports = rest.map(parseRestoreReport);
      return {
        kind: 'ReplyReceived',
        reply: { ...header, kind: 'RestoreReports', node: nodeName(first), reports, spans: [] },
      };
    }
    case 'expire':
      return { kind: 'DeadlineExpired', name: first as RestoreDeadline };
    case 'tick':
      return { kind: 'Tick' };
    case 'cleared':
      return { kind: 'WayCleared' };
    case 'opened':
      return { kind: 'IncarnationOpened' };
    case 'refused':
      return { kind: 'IncarnationRefused', reason: [first, ...rest].join(' ') };
    case 'ended':
      return { kind: 'EndedWritten' };
    case 'ledger':
      return first === 'unavailable'
        ? { kind: 'LedgerUnavailable' }
        : { kind: 'OutcomeWritten', outcome: first as RestoreOutcome };
    case 'abandon':
      return { kind: 'AbandonRequested', reason: [first, ...rest].join(' ') };
    case 'node-lost':
      return { kind: 'NodeLost', node: nodeName(first) };
    default:
      throw new Error(`no such event: ${kind}`);
  }
}

function describe(effect: RestoreEffect): string {
  switch (effect.kind) {
    case 'Send': {
      const { gang: _g, incarnation: _i, epoch: _e, fence: _f, kind, ...order } = effect.command;
      return `Send ${effect.node} ${kind}${Object.keys(order).length === 0 ? '' : ` ${compact(order)}`}`;
    }
    case 'Finish': {
      const codes = effect.warnings.map(({ code }) => code);
      return `Finish ${effect.result} ${compact({ ...effect.failure })} warnings ${compact(codes)}`;
    }
    case 'ClearWay':
    case 'OpenIncarnation':
    case 'WriteEnded':
      return effect.kind;
    case 'WriteRestoreOutcome':
    case 'SetDeadline':
    case 'ClearDeadline':
    case 'Record': {
      const { kind, ...more } = effect;
      return `${kind} ${compact(more)}`;
    }
  }
}

/** The usual way through an attempt with members 0 at node a and 1 at node b. */
const usualWay: readonly (readonly [phase: string, ...answers: string[]])[] = [
  ['preflight', 'reply a 0:RestoreReady', 'reply b 1:RestoreReady'],
  ['clear', 'cleared'],
  ['open', 'opened'],
  ['prepare', 'reply a 0:Prepared', 'reply b 1:Prepared'],
  ['restore', 'reply a 0:Restored', 'reply b 1:Restored'],
  ['decide', 'ledger go'],
  ['lift', 'reply a 0:Lifted', 'reply b 1:Lifted'],
  ['verify', 'reply a 0:Running', 'reply b 1:Running'],
];

/** A performer with its own machine. The state goes through JSON after every event, as a driver may do. */
export function makeRestorePerformer(): Performer {
  let state: RestoreState | null = null;
  const take = (step: Step<RestoreState, RestoreEffect>): string[] => {
    state = JSON.parse(JSON.stringify(step.state)) as RestoreState;
    return [...step.effects.map(describe), `= ${compact(state.value)}`];
  };
  const perform: Performer = (words) => {
    const [verb = '', ...rest] = words;
    if (verb === 'start') return take(startRestoreAttempt(makeInput(rest)));
    if (verb === 'recover') {
      const [found, ...places] = rest;
      return take(
        recoverRestoreAttempt(makeInput(places), found === 'undecided' ? null : (found as RestoreOutcome)),
      );
    }
    invariant(state !== null, 'a script begins with start or recover');
    if (verb === 'until') return goOnUntil(rest[0] ?? '');
    return take(stepRestoreAttempt(state, parseEvent(words)));
  };
  /** `until restore`: the usual way to that phase, without its trace. */
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
