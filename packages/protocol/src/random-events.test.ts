// Any events in any order: what a machine wants done is always allowed. (The order of a real world is the closed
// loop's concern; here come replies, orders and deadlines that no world would send.)
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isGangEpochFinished, startGangEpoch, stepGangEpoch } from './gang/epoch.ts';
import type { GangDeadline, GangEffect, GangEvent } from './gang/events.ts';
import { memberId, nodeName } from './ids.ts';
import { memberEpochLimits } from './limits.ts';
import type { MemberEffect } from './member/effects.ts';
import { startMemberEpoch, stepMemberEpoch } from './member/epoch.ts';
import type { MemberEvent, MemberStepName } from './member/events.ts';
import type { Decision, EpochOrder, MemberReport, Outcome } from './messages.ts';
import { invariant } from './step.ts';
import { makeStepResult, parseReport, testHeader, testHold } from './testing/fixtures.ts';
import { makeGangInput } from './testing/gang-script.ts';

const outcomes = fc.constantFrom<Outcome>('resume', 'stop');
/** RANDOM_RUNS=100000 for a long run. */
const runs = { numRuns: Number(process.env['RANDOM_RUNS'] ?? 300) };

/** Kinds of reports, more often the usual ones. */
const reportNames = [
  'Ready',
  'Frozen',
  'Held',
  'Noted',
  'Dumped',
  'Released',
  'Surveyed',
  'Resurveyed:lonely',
  'Settled',
  'Killed',
  'Persisted',
  'Forgotten',
];
const rareReports = [
  'Ready:blocked',
  'Dumped:lonely',
  'Dumped:other-hold',
  'InDoubt',
  'Failed:dump',
  'Failed:persist',
];
const deadlines: GangDeadline[] = [
  'preflight',
  'freeze',
  'drain',
  'hold',
  'note',
  'dump',
  'release',
  'budget',
  'decide',
  'kill',
  'abort',
  'settle',
  'surveyGap',
  'persist',
  'manifest',
  'forget',
];

describe('the machine of a gang', () => {
  /** `ledger` is answered by a ledger, see below. */
  type Stimulus = GangEvent | { readonly kind: 'Ledger'; readonly isSomebodyQuicker: boolean };
  const reply = fc
    .tuple(
      fc.integer({ min: 0, max: 1 }),
      fc.oneof(
        // Facts accumulate: all that were reached up to some step.
        {
          weight: 8,
          arbitrary: fc
            .integer({ min: 1, max: reportNames.length })
            .map((upTo) => reportNames.slice(0, upTo)),
        },
        { weight: 3, arbitrary: fc.subarray(reportNames) },
        { weight: 1, arbitrary: fc.subarray(rareReports, { minLength: 1, maxLength: 1 }) },
      ),
    )
    .map(([index, names]): Stimulus => ({
      kind: 'ReplyReceived',
      reply: {
        ...testHeader,
        kind: 'Reports',
        node: nodeName(index === 0 ? 'a' : 'b'),
        reports: names.map((name) => parseReport(`${index}:${name}`)),
        spans: [],
      },
    }));
  const stimuli = fc.array(
    fc.oneof(
      { weight: 12, arbitrary: reply },
      { weight: 3, arbitrary: fc.constant<Stimulus>({ kind: 'DeadlineExpired', name: 'drain' }) },
      {
        weight: 1,
        arbitrary: fc.constantFrom(...deadlines).map((name): Stimulus => ({ kind: 'DeadlineExpired', name })),
      },
      { weight: 2, arbitrary: fc.constant<Stimulus>({ kind: 'Tick' }) },
      {
        weight: 4,
        arbitrary: fc.boolean().map((isSomebodyQuicker): Stimulus => ({ kind: 'Ledger', isSomebodyQuicker })),
      },
      {
        weight: 3,
        arbitrary: fc.constantFrom<Stimulus>(
          { kind: 'LedgerUnavailable' },
          { kind: 'ManifestWritten' },
          { kind: 'ManifestFailed', reason: 'disk full' },
        ),
      },
      {
        weight: 1,
        arbitrary: fc.constantFrom<Stimulus>(
          { kind: 'AbortRequested', reason: 'Ctrl-C' },
          { kind: 'MemberLost', member: memberId(1), reason: 'died' },
          { kind: 'NodeLost', node: nodeName('b') },
        ),
      },
    ),
    { maxLength: 60 },
  );

  test('orders, decides and finishes only what the replies allow', () => {
    fc.assert(
      fc.property(outcomes, stimuli, (outcome, events) => {
        const judge = new GangJudge(outcome);
        let { state, effects } = startGangEpoch(makeGangInput([outcome, '0@a', '1@b']));
        effects.forEach((effect) => judge.see(effect));
        for (const stimulus of events) {
          const event = stimulus.kind === 'Ledger' ? judge.answer(stimulus.isSomebodyQuicker) : stimulus;
          if (event === null) continue;
          judge.hear(event);
          const copy = JSON.parse(JSON.stringify(state)) as typeof state;
          ({ state, effects } = stepGangEpoch(copy, event));
          expect(stepGangEpoch(copy, event)).toEqual({ state, effects });
          effects.forEach((effect) => judge.see(effect));
          expect(isGangEpochFinished(state)).toBe(judge.isFinished);
        }
      }),
      runs,
    );
  });

  /** Knows what was heard, and says what may be said. */
  class GangJudge {
    readonly #outcome: Outcome;
    readonly #heard = [new Set<MemberReport['kind']>(), new Set<MemberReport['kind']>()];
    #requested: Decision | null = null;
    #decision: Decision | null = null;
    #isDecisionHeard = false;
    isFinished = false;

    constructor(outcome: Outcome) {
      this.#outcome = outcome;
    }

    /** What a ledger that was asked says; another writer may have been quicker with `abort`. */
    answer(isSomebodyQuicker: boolean): GangEvent | null {
      if (this.#requested === null) return null;
      this.#decision ??= isSomebodyQuicker ? 'abort' : this.#requested;
      return { kind: 'DecisionWritten', decision: this.#decision };
    }

    hear(event: GangEvent): void {
      if (event.kind === 'DecisionWritten') this.#isDecisionHeard = true;
      if (event.kind !== 'ReplyReceived') return;
      for (const { member, kind } of event.reply.reports) this.#heard[member]?.add(kind);
    }

    see(effect: GangEffect): void {
      invariant(!this.isFinished, 'nothing is done after Finish');
      if (effect.kind === 'Finish') this.isFinished = true;
      if (effect.kind === 'WriteManifest') this.#needs('Persisted');
      if (effect.kind === 'Send') this.#seeOrder(effect.command);
      if (effect.kind !== 'WriteDecision') return;
      const isFirst = this.#requested === null;
      this.#requested ??= effect.decision;
      invariant(effect.decision === this.#requested, 'a leader asks for one decision');
      if (effect.decision === 'abort' || !isFirst) return;
      this.#needs('Dumped');
      if (this.#outcome === 'resume') this.#needs('Released');
      invariant(!this.#heard.some((kinds) => kinds.has('Failed')), 'nobody has failed before a commit');
    }

    #needs(kind: MemberReport['kind']): void {
      invariant(
        this.#heard.every((kinds) => kinds.has(kind)),
        `all are ${kind}`,
      );
    }

    #seeOrder(order: EpochOrder): void {
      const isCommitted = this.#isDecisionHeard && this.#decision === 'commit';
      if (order.kind === 'Hold') this.#needs('Frozen');
      if (order.kind === 'Dump') this.#needs('Held');
      if (order.kind === 'AllNoted') {
        this.#needs('Noted');
        invariant(this.#outcome === 'resume', 'only resume releases early');
      }
      const isLate = order.kind === 'Persist' || order.kind === 'Forget';
      invariant(!isLate || isCommitted, `${order.kind} follows the commit`);
      const isCommit = order.kind === 'Decided' && order.decision === 'commit';
      invariant(!isCommit || isCommitted, 'nobody is told of a commit before the ledger');
    }
  }
});

describe('the machine of a member', () => {
  const steps: MemberStepName[] = ['freeze', 'hold', 'note', 'dump', 'check', 'release', 'kill', 'persist'];
  const orders = (outcome: Outcome): EpochOrder[] => [
    { kind: 'Preflight', outcome, outside: 'refuse', files: 'refuse' },
    { kind: 'Freeze', outcome, deadManMs: 15_000 },
    { kind: 'Hold' },
    { kind: 'Dump' },
    { kind: 'AllNoted' },
    { kind: 'AllReleased', round: 1 },
    { kind: 'Settle', halfDead: [] },
    { kind: 'Persist', persistId: '1' },
    { kind: 'Forget' },
  ];
  type Stimulus =
    | { readonly kind: 'Order'; readonly index: number }
    /** The step under way is over, well or not. */
    | { readonly kind: 'Over'; readonly isWell: boolean }
    | { readonly kind: 'Decide'; readonly isKnown: boolean }
    | MemberEvent;
  const stimuli = fc.array(
    fc.oneof(
      {
        weight: 8,
        arbitrary: fc.integer({ min: 0, max: 8 }).map((index): Stimulus => ({ kind: 'Order', index })),
      },
      { weight: 10, arbitrary: fc.constant<Stimulus>({ kind: 'Over', isWell: true }) },
      { weight: 1, arbitrary: fc.constant<Stimulus>({ kind: 'Over', isWell: false }) },
      { weight: 2, arbitrary: fc.boolean().map((isKnown): Stimulus => ({ kind: 'Decide', isKnown })) },
      {
        weight: 1,
        arbitrary: fc.constantFrom<Stimulus>(
          { kind: 'DeadlineExpired', name: 'deadMan' },
          { kind: 'DeadlineExpired', name: 'doubt' },
          { kind: 'DeadlineExpired', name: 'retry' },
          { kind: 'DecisionRead', decision: 'none' },
          { kind: 'DecisionRead', decision: 'unavailable' },
          { kind: 'MemberDied', reason: 'killed' },
          { kind: 'Superseded' },
          { kind: 'Restarted', found: { frozen: true, held: true } },
          { kind: 'Restarted', found: { frozen: false, held: false } },
        ),
      },
      // Answers to steps that nobody waits for.
      {
        weight: 1,
        arbitrary: fc.constantFrom(...steps).map((step): Stimulus => ({
          kind: 'StepDone',
          ...makeStepResult(step, memberId(0), testHold(memberId(0))),
        })),
      },
    ),
    { maxLength: 60 },
  );
  /** Mostly the usual way, so that the far states are reached. */
  const usualWay: Stimulus[] = [0, 1, 2, 3].flatMap((index): Stimulus[] => [
    { kind: 'Order', index },
    { kind: 'Over', isWell: true },
  ]);
  const lives = fc
    .tuple(fc.integer({ min: 0, max: usualWay.length }), stimuli)
    .map(([upTo, rest]) => [...usualWay.slice(0, upTo), ...rest]);

  test('does only what orders and decisions allow', () => {
    fc.assert(
      fc.property(
        outcomes,
        fc.constantFrom<Decision>('commit', 'abort'),
        lives,
        (outcome, decision, life) => {
          const judge = new MemberJudge(outcome);
          let { state } = startMemberEpoch({
            header: testHeader,
            member: memberId(0),
            outcome,
            outside: 'refuse',
            files: 'refuse',
            holdId: testHold(memberId(0)),
            limits: memberEpochLimits,
          });
          for (const stimulus of life) {
            const event = judge.eventOf(stimulus, decision);
            if (event === null) continue;
            // A restarted agent has what was persisted, and nothing where nothing was.
            if (event.kind === 'Restarted') {
              if (judge.record === null) continue;
              state = judge.record;
            }
            judge.hear(event);
            const copy = JSON.parse(JSON.stringify(state)) as typeof state;
            const step = stepMemberEpoch(copy, event);
            expect(stepMemberEpoch(copy, event)).toEqual(step);
            ({ state } = step);
            step.effects.forEach((effect) => judge.see(effect));
          }
        },
      ),
      runs,
    );
  });

  /** Knows what was heard, and says what may be done. */
  class MemberJudge {
    readonly #outcome: Outcome;
    readonly #ordered = new Set<string>();
    #running: MemberStepName | null = null;
    #decision: Decision | null = null;
    #isVoteOut = false;
    #isGivenUp = false;
    #isAsked = false;
    #holds = 0;
    record: Extract<MemberEffect, { kind: 'Persist' }>['record'] | null = null;

    constructor(outcome: Outcome) {
      this.#outcome = outcome;
    }

    eventOf(stimulus: Stimulus, decision: Decision): MemberEvent | null {
      switch (stimulus.kind) {
        case 'Order': {
          const order = orders(this.#outcome)[stimulus.index];
          return order === undefined
            ? null
            : { kind: 'CommandReceived', command: { ...testHeader, ...order } };
        }
        case 'Over': {
          if (this.#running === null) return null;
          if (stimulus.isWell) {
            return { kind: 'StepDone', ...makeStepResult(this.#running, memberId(0), testHold(memberId(0))) };
          }
          return {
            kind: 'StepFailed',
            step: this.#running,
            code: 'SP_TEST',
            message: 'no',
            remedy: 'None.',
            retryable: false,
          };
        }
        case 'Decide': {
          // Nobody commits without this vote.
          const known = decision === 'commit' && !this.#isVoteOut ? null : decision;
          if (known === null) return null;
          if (stimulus.isKnown) return this.#isAsked ? { kind: 'DecisionRead', decision: known } : null;
          const order: EpochOrder = { kind: 'Decided', decision: known, reason: '' };
          return { kind: 'CommandReceived', command: { ...testHeader, ...order } };
        }
        case 'CommandReceived':
        case 'StepDone':
        case 'StepFailed':
        case 'DeadlineExpired':
        case 'DecisionRead':
        case 'Restarted':
        case 'PersistFailed':
        case 'MemberDied':
        case 'Superseded':
          return stimulus;
      }
    }

    hear(event: MemberEvent): void {
      if (event.kind === 'Restarted') this.#running = null;
      if ((event.kind === 'StepDone' || event.kind === 'StepFailed') && event.step === this.#running) {
        this.#running = null;
      }
      if (event.kind === 'CommandReceived') {
        this.#ordered.add(event.command.kind);
        if (event.command.kind === 'Decided') this.#decision = event.command.decision;
      }
      if (event.kind === 'DecisionRead' && (event.decision === 'commit' || event.decision === 'abort')) {
        this.#decision = event.decision;
      }
    }

    see(effect: MemberEffect): void {
      if (effect.kind === 'Persist') this.record = effect.record;
      if (effect.kind === 'ReadDecision' || effect.kind === 'TryAbort') this.#isAsked = true;
      if (effect.kind === 'Report') this.#seeReports(effect.reports);
      if (effect.kind !== 'Run') return;
      invariant(this.#running === null, 'one step at a time');
      this.#running = effect.step;
      this.#seeStep(effect.step);
    }

    #seeReports(reports: readonly MemberReport[]): void {
      const kinds = new Set(reports.map(({ kind }) => kind));
      const failure = reports.find((report) => report.kind === 'Failed');
      const isVote = kinds.has('Dumped');
      invariant(!isVote || this.#isVoteOut || !this.#isGivenUp, 'who has given up does not vote');
      this.#isVoteOut ||= isVote;
      this.#isGivenUp ||=
        failure !== undefined && !['kill', 'survey', 'settle', 'persist', 'forget'].includes(failure.phase);
      invariant(!kinds.has('Killed') || this.#decision === 'commit', 'only a commit kills');
    }

    #needs(order: EpochOrder['kind']): void {
      invariant(this.#ordered.has(order), `it was ordered to ${order}`);
    }

    #seeStep(step: MemberStepName): void {
      const isBound = this.#outcome === 'stop' && this.#isVoteOut;
      switch (step) {
        case 'freeze':
          this.#needs('Freeze');
          break;
        case 'hold':
          this.#holds += 1;
          invariant(this.#holds === 1, 'there is one hold in an epoch');
          this.#needs('Hold');
          break;
        case 'note':
        case 'dump':
          this.#needs('Dump');
          break;
        case 'release': {
          const isByTheRules = this.#ordered.has('AllNoted') || this.#decision !== null;
          invariant(isByTheRules || this.#isGivenUp, 'a release has its reason');
          invariant(!isBound || this.#decision === 'abort', 'after a stop vote only abort releases');
          break;
        }
        case 'kill':
          invariant(isBound && this.#decision === 'commit', 'only a stop commit kills');
          break;
        case 'persist':
          invariant(this.#isVoteOut && this.#decision !== 'abort', 'only votes are persisted');
          break;
        case 'preflight':
        case 'check':
        case 'survey':
        case 'settle':
        case 'forget':
          break;
      }
    }
  }
});
