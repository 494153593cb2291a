// The states of one member in one epoch, as its agent sees them: a pure state chart. What may happen is asked of the
// facts (member-facts.ts); steps run one at a time, and whatever gives the epoch up waits for the one under way.
import { assign, setup } from 'xstate';
import { chartWords, type ChartEvent } from './chart.ts';
import { failures } from './failures.ts';
import type { MemberAction } from './member-effects.ts';
import type {
  MemberDeadline,
  MemberEpochInput,
  MemberEvent,
  MemberStep,
  MemberStepName,
} from './member-events.ts';
import * as facts from './member-facts.ts';
import type { MemberFacts } from './member-facts.ts';
import type { EpochCommand } from './messages.ts';
import { invariant } from './step.ts';

const { say, sayFrom, learn, learnFrom, knows, brings } = chartWords<
  MemberFacts,
  MemberEvent,
  MemberAction
>();

const persist = say(() => [{ kind: 'Persist' }]);
const report = say(({ reports }) => (reports.length === 0 ? [] : [{ kind: 'Report', reports }]));
const setDeadMan = say(({ deadManMs }) => [{ kind: 'SetDeadline', name: 'deadMan', afterMs: deadManMs }]);
const clear = (name: MemberDeadline) => say(() => [{ kind: 'ClearDeadline', name }]);
const readDecision = say(() => [{ kind: 'ReadDecision' }]);

const expired = (name: MemberDeadline, fits: (known: MemberFacts) => boolean = () => true) =>
  brings('DeadlineExpired', (event, known) => event.name === name && fits(known));

/** Begins a step, after what must hold for it was asserted. */
const run = (make: (known: MemberFacts) => MemberStep) =>
  [
    learn((known) => facts.startStep(known, make(known))),
    say(({ running }) => (running === null ? [] : [{ kind: 'Run', ...running }])),
  ] as const;

/** The cut goes on after this step: nobody has given up. */
const goesOn = (step: MemberStepName, order?: EpochCommand['kind']) =>
  knows(
    (known) =>
      !known.burned && facts.isDone(known, step) && (order === undefined || facts.isOrdered(known, order)),
  );

const refuse = {
  guard: brings('CommandReceived', ({ command }, known) => facts.refusal(known, command) !== null),
  actions: sayFrom('CommandReceived', (known, { command }) => [
    { kind: 'Refused', command: command.kind, reason: facts.refusal(known, command) ?? '' },
  ]),
} as const;
/** A command that counts. A new leader's fence is kept before anything is done in its name. */
const hear = [
  sayFrom('CommandReceived', ({ header }, { command }) =>
    command.fence > header.fence ? [{ kind: 'Persist' }] : [],
  ),
  learnFrom('CommandReceived', facts.foldCommand),
] as const;

/** Results that a restarted agent must know of. */
const durable: ReadonlySet<MemberStepName> = new Set<MemberStepName>([
  'check',
  'release',
  'kill',
  'persist',
  'forget',
]);

/** A release or a kill that failed is tried again: nothing is frozen for ever. */
const retry = <Target extends string>(target: Target) =>
  ({
    entry: say(({ limits }) => [{ kind: 'SetDeadline', name: 'retry', afterMs: limits.stepRetryMs }]),
    exit: clear('retry'),
    on: { DeadlineExpired: { guard: expired('retry'), target }, Restarted: { target } },
  }) as const;

/** A job after the cut. Results are folded at the root. */
const job = (make: (known: MemberFacts) => MemberStep) =>
  ({ entry: run(make), always: { guard: knows(facts.isIdle), target: 'idle' } }) as const;

const types = {} as { context: MemberFacts; events: ChartEvent<MemberEvent>; input: MemberEpochInput };

export const memberChart = setup({
  types,
  actions: {
    say: (_moment, _params: { readonly effects: readonly MemberAction[] }) => undefined,
    learn: assign((_moment, { known }: { readonly known: MemberFacts }) => known),
  },
}).createMachine({
  id: 'memberEpoch',
  context: ({ input }) => facts.startMemberFacts(input),
  initial: 'before',
  on: {
    CommandReceived: [refuse, { actions: [...hear, report] }],
    StepDone: {
      guard: brings('StepDone', (result, known) => facts.answersStep(known, result)),
      actions: [
        learnFrom('StepDone', facts.foldDone),
        sayFrom('StepDone', (_known, { step }) => (durable.has(step) ? [{ kind: 'Persist' }] : [])),
        report,
      ],
    },
    StepFailed: {
      guard: brings('StepFailed', (failed, known) => facts.answersStep(known, failed)),
      actions: [learnFrom('StepFailed', facts.foldFailed), report],
    },
  },
  states: {
    // The member runs, and nothing of it is touched.
    before: {
      initial: 'idle',
      always: { guard: knows((known) => known.burned && facts.isIdle(known)), target: 'after' },
      on: {
        MemberDied: {
          actions: [
            learnFrom('MemberDied', (known, { reason }) =>
              facts.giveUp(known, failures.memberDied(known.member, facts.phaseOf(known), reason)),
            ),
            report,
          ],
        },
      },
      states: {
        idle: {
          always: [
            {
              guard: knows((known) => facts.isOrdered(known, 'Preflight') && !known.burned),
              target: 'preflight',
            },
            {
              guard: knows((known) => facts.isForgotten(known) && !known.burned),
              actions: [
                learn((known) => facts.giveUp(known, failures.agentRestarted(known.member, 'preflight'))),
                report,
              ],
            },
          ],
        },
        preflight: {
          entry: run(({ outside, files }) => ({ step: 'preflight', outside, files })),
          always: { guard: goesOn('preflight', 'Freeze'), target: '#cut' },
        },
      },
    },

    // The member is frozen, or about to be. Every command that is heard puts the dead-man's moment off.
    cut: {
      id: 'cut',
      initial: 'freeze',
      entry: [learn((known) => ({ ...known, free: false })), setDeadMan],
      exit: clear('deadMan'),
      always: { guard: knows((known) => known.burned && facts.isIdle(known)), target: 'release' },
      on: {
        CommandReceived: [refuse, { actions: [...hear, setDeadMan, report] }],
        DeadlineExpired: {
          guard: expired('deadMan', (known) => !facts.isBound(known)),
          actions: [
            learn((known) =>
              facts.giveUp(known, failures.deadMan(known.member, facts.phaseOf(known), known.deadManMs)),
            ),
            persist,
            report,
          ],
        },
        MemberDied: {
          guard: knows((known) => !facts.hasVoted(known)),
          actions: [
            learnFrom('MemberDied', (known, { reason }) =>
              facts.giveUp(known, failures.memberDied(known.member, facts.phaseOf(known), reason)),
            ),
            persist,
            report,
          ],
        },
        Restarted: {
          actions: [
            learn((known) =>
              facts.giveUp(
                { ...known, running: null },
                failures.agentRestarted(known.member, facts.phaseOf(known)),
              ),
            ),
            persist,
            report,
          ],
        },
        Superseded: {
          actions: [
            learn((known) => facts.giveUp(known, failures.superseded(known.member, facts.phaseOf(known)))),
            persist,
            report,
          ],
        },
      },
      states: {
        freeze: {
          entry: [persist, ...run(() => ({ step: 'freeze' }))],
          always: { guard: goesOn('freeze', 'Hold'), target: 'hold' },
        },
        hold: {
          entry: [persist, ...run(({ holdId }) => ({ step: 'hold', holdId }))],
          always: { guard: goesOn('hold', 'Dump'), target: 'note' },
        },
        note: {
          entry: run(() => ({ step: 'note' })),
          always: { guard: goesOn('note'), target: 'dump' },
        },
        dump: {
          entry: run((known) => {
            invariant(facts.isOrdered(known, 'Dump'), 'nobody dumps before all are held');
            return { step: 'dump', outside: known.outside, files: known.files };
          }),
          always: { guard: goesOn('dump'), target: 'check' },
        },
        check: {
          entry: run(({ holdId }) => ({ step: 'check', holdId })),
          always: { guard: goesOn('check'), target: 'voted' },
        },
        // The vote is out. *resume*: until all have noted. *stop*: until the decision is known.
        voted: {
          initial: 'waiting',
          always: [
            { guard: knows((known) => !known.burned && facts.mayRelease(known)), target: '#release' },
            { guard: knows((known) => facts.isBound(known) && known.decision === 'commit'), target: '#kill' },
          ],
          on: {
            // Only a committed epoch is persisted: the order that said so was lost.
            CommandReceived: {
              guard: brings(
                'CommandReceived',
                ({ command }, known) =>
                  command.kind === 'Persist' &&
                  facts.isBound(known) &&
                  facts.refusal(known, command) === null,
              ),
              actions: [...hear, setDeadMan, report, readDecision],
            },
            DecisionRead: {
              guard: brings('DecisionRead', ({ decision }) => decision === 'commit' || decision === 'abort'),
              actions: [
                learnFrom('DecisionRead', (known, { decision }) =>
                  decision === 'commit' || decision === 'abort' ? facts.foldDecision(known, decision) : known,
                ),
                report,
              ],
            },
            Restarted: [
              {
                guard: knows(facts.isBound),
                actions: [readDecision, setDeadMan, report],
                target: '.waiting',
              },
              {
                guard: brings('Restarted', ({ found }) => found.frozen && found.held),
                actions: [setDeadMan, report],
              },
              {
                actions: [
                  learn((known) => facts.giveUp(known, failures.holdBroken(known.member, 'release'))),
                  persist,
                  report,
                ],
              },
            ],
            Superseded: [
              { guard: knows(facts.isBound), actions: readDecision },
              {
                actions: [
                  learn((known) =>
                    facts.giveUp(known, failures.superseded(known.member, facts.phaseOf(known))),
                  ),
                  persist,
                  report,
                ],
              },
            ],
          },
          states: {
            waiting: {
              on: { DeadlineExpired: { guard: expired('deadMan', facts.isBound), target: 'doubt' } },
            },
            // Nobody is heard: give up, if the ledger lets us. While it is silent the member stays frozen.
            doubt: {
              entry: say(({ member, limits }) => [
                { kind: 'TryAbort', reason: `member ${member} waited for a decision and heard nobody` },
                { kind: 'SetDeadline', name: 'doubt', afterMs: limits.doubtRetryMs },
              ]),
              exit: clear('doubt'),
              on: {
                CommandReceived: [refuse, { actions: [...hear, setDeadMan, report], target: 'waiting' }],
                DecisionRead: {
                  guard: brings('DecisionRead', ({ decision }) => decision === 'unavailable'),
                  actions: [learn(facts.reportDoubt), report],
                },
                DeadlineExpired: { guard: expired('doubt'), target: 'doubt', reenter: true },
              },
            },
          },
        },
      },
    },

    // Lift and thaw: by the rules, or because the epoch was given up.
    release: {
      id: 'release',
      entry: [
        persist,
        ...run((known) => {
          invariant(known.burned || facts.mayRelease(known), 'nobody is released before all have noted');
          invariant(
            !facts.isBound(known) || known.decision === 'abort',
            'after a stop vote only abort thaws',
          );
          return { step: 'release', holdId: known.holdId };
        }),
      ],
      on: {
        Restarted: {
          actions: learn((known) => ({ ...known, running: null })),
          target: 'release',
          reenter: true,
        },
      },
      always: [
        { guard: knows((known) => facts.isIdle(known) && known.free), target: 'after' },
        { guard: knows(facts.isIdle), target: 'releaseFailed' },
      ],
    },
    releaseFailed: retry('release'),

    // *stop*, committed: every process dies frozen, and the hold is never lifted.
    kill: {
      id: 'kill',
      entry: [
        persist,
        ...run((known) => {
          invariant(facts.isBound(known) && known.decision === 'commit', 'only a stop commit kills');
          return { step: 'kill', holdId: known.holdId };
        }),
      ],
      on: {
        Restarted: {
          actions: learn((known) => ({ ...known, running: null })),
          target: 'kill',
          reenter: true,
        },
      },
      always: [
        { guard: knows((known) => facts.isIdle(known) && facts.isDone(known, 'kill')), target: 'after' },
        { guard: knows(facts.isIdle), target: 'killFailed' },
      ],
    },
    killFailed: retry('kill'),

    // The cut is over for this member. What is left is done in order, one at a time.
    after: {
      initial: 'idle',
      on: {
        Restarted: { actions: [learn((known) => ({ ...known, running: null })), report], target: '.idle' },
      },
      states: {
        idle: {
          always: [
            { guard: knows((known) => known.surveyRound > known.surveysDone), target: 'survey' },
            {
              guard: knows((known) => facts.isOrdered(known, 'Settle') && !facts.isDone(known, 'settle')),
              target: 'settle',
            },
            { guard: knows(facts.mayPersist), target: 'persist' },
            { guard: knows(facts.mayForget), target: 'forget' },
          ],
        },
        survey: job(({ surveyRound }) => {
          invariant(surveyRound !== 0, 'a survey was ordered');
          return { step: 'survey', round: surveyRound };
        }),
        settle: job(({ halfDead }) => ({ step: 'settle', halfDead })),
        persist: job(() => ({ step: 'persist' })),
        forget: job(() => ({ step: 'forget' })),
      },
    },
  },
});
