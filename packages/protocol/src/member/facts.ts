// What an agent knows of one member in one epoch: which orders it has, which steps are done, what it has reported; and
// the questions that the chart asks of that. Pure.
import type { MemberEpochInput, MemberStep, MemberStepName } from './events.ts';
import type { Decision, EpochCommand, HalfDeadSocket, MemberReport, SurveyRound } from '../messages.ts';

/** The context of an agent's machine of a member. */
export interface MemberFacts extends MemberEpochInput {
  readonly ordered: readonly EpochCommand['kind'][];
  readonly deadManMs: number;
  readonly surveyRound: SurveyRound | 0;
  readonly halfDead: readonly HalfDeadSocket[];
  readonly decision: Decision | null;
  /** The step that is under way; never more than one. */
  readonly running: MemberStep | null;
  readonly done: readonly MemberStepName[];
  readonly surveysDone: SurveyRound | 0;
  /** Nothing of this epoch freezes or holds the member: not yet, or not any more. */
  readonly free: boolean;
  /** The hold of this epoch is or will be lifted early: it is never taken up again, and there is no vote. */
  readonly burned: boolean;
  /** Of the last order to persist, whose failures are counted. */
  readonly persistId: string | null;
  readonly persistFailures: number;
  readonly reports: readonly MemberReport[];
}

export const startMemberFacts = (input: MemberEpochInput): MemberFacts => ({
  ...input,
  ordered: [],
  deadManMs: 0,
  surveyRound: 0,
  halfDead: [],
  decision: null,
  running: null,
  done: [],
  surveysDone: 0,
  free: true,
  burned: false,
  persistId: null,
  persistFailures: 0,
  reports: [],
});

export const isOrdered = ({ ordered }: MemberFacts, kind: EpochCommand['kind']): boolean =>
  ordered.includes(kind);
/** An order that follows a `Ready`, and none was said: an agent before this one said it, and is gone. */
export const isForgotten = (facts: MemberFacts): boolean =>
  !isOrdered(facts, 'Preflight') &&
  facts.ordered.some((kind) => ['Freeze', 'Hold', 'Dump', 'AllNoted'].includes(kind));
export const isDone = ({ done }: MemberFacts, step: MemberStepName): boolean => done.includes(step);
export const isIdle = ({ running }: MemberFacts): boolean => running === null;
export const hasVoted = (facts: MemberFacts): boolean => isDone(facts, 'check');
/** *stop*, and the vote is out: from here on only the decision frees or ends the member. */
export const isBound = (facts: MemberFacts): boolean => facts.outcome === 'stop' && hasVoted(facts);
/** Under *resume* the member may run once all have noted; a `commit` says so too. */
export const mayRelease = (facts: MemberFacts): boolean =>
  facts.outcome === 'resume' && (isOrdered(facts, 'AllNoted') || facts.decision === 'commit');

/** Why a command must change nothing; null when it counts. */
export function refusal(facts: MemberFacts, command: EpochCommand): string | null {
  const { gang, incarnation, epoch, fence } = facts.header;
  if (command.gang !== gang || command.incarnation !== incarnation) return 'another gang or incarnation';
  if (command.epoch !== epoch) return `epoch ${command.epoch}, not ${epoch}`;
  if (command.fence < fence) return `fence ${command.fence} is below ${fence}`;
  if (command.kind !== 'Decided') return null;
  if (command.decision === 'commit' && !hasVoted(facts)) return 'a commit without this vote';
  return command.decision === (facts.decision ?? command.decision) ? null : 'another decision is known';
}

/** The step that failures of this member are reported for, when no step itself has failed. */
export const phaseOf = ({ running, done }: MemberFacts): string =>
  running?.step ?? done.at(-1) ?? 'preflight';

/** Whether another attempt at writing the images to the vault is due. */
export const mayPersist = (facts: MemberFacts): boolean =>
  isOrdered(facts, 'Persist') &&
  hasVoted(facts) &&
  !facts.burned &&
  !isDone(facts, 'persist') &&
  facts.persistFailures < facts.limits.persistAttemptsMax;

/** Whether what is staged is of no more use: the epoch is closed, or this member left it. */
export const mayForget = (facts: MemberFacts): boolean =>
  (isOrdered(facts, 'Forget') || facts.burned) && !isDone(facts, 'forget');
