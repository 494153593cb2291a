// What an agent knows of one member in one epoch: which orders it has, which steps are done, what it has reported.
// Orders and facts only grow, so a command that comes twice or late changes nothing.
import { failures } from '../failures.ts';
import type { MemberEpochInput, MemberEvent, MemberStep, MemberStepName } from './events.ts';
import type {
  Decision,
  EpochCommand,
  FailedReport,
  HalfDeadSocket,
  MemberReport,
  SurveyRound,
} from '../messages.ts';
import { invariant } from '../step.ts';

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
  readonly persistFailures: number;
  readonly reports: readonly MemberReport[];
}

type Of<Kind extends MemberEvent['kind']> = Extract<MemberEvent, { kind: Kind }>;

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

const report = (facts: MemberFacts, more: MemberReport): MemberFacts => ({
  ...facts,
  reports: [...facts.reports, more],
});
const hasReported = ({ reports }: MemberFacts, kind: MemberReport['kind']): boolean =>
  reports.some((known) => known.kind === kind);

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

/** A command that was not refused. The fence of a new leader is adopted. */
export function foldCommand(facts: MemberFacts, { command }: Of<'CommandReceived'>): MemberFacts {
  const ordered = isOrdered(facts, command.kind) ? facts.ordered : [...facts.ordered, command.kind];
  const reports = facts.reports.filter(({ kind }) => kind !== 'InDoubt');
  const heard = { ...facts, ordered, reports, header: { ...facts.header, fence: command.fence } };
  switch (command.kind) {
    case 'Preflight': {
      const { outcome, outside, files } = command;
      return facts.free ? { ...heard, outcome, outside, files } : heard;
    }
    case 'Freeze':
      return { ...heard, deadManMs: command.deadManMs };
    case 'Decided':
      return foldDecision(permitPersist(heard), command.decision);
    case 'AllReleased':
      return command.round > heard.surveyRound ? { ...heard, surveyRound: command.round } : heard;
    case 'Settle':
      return { ...heard, halfDead: command.halfDead };
    case 'Hold':
    case 'Dump':
    case 'AllNoted':
    case 'Persist':
    case 'Forget':
      return heard;
  }
}

/** Who says the decision once more takes the epoch up again: what could not be persisted then may be now. */
function permitPersist(facts: MemberFacts): MemberFacts {
  if (facts.persistFailures < facts.limits.persistAttemptsMax) return facts;
  const ordered = facts.ordered.filter((kind) => kind !== 'Persist');
  const reports = facts.reports.filter((known) => known.kind !== 'Failed' || known.phase !== 'persist');
  return { ...facts, persistFailures: 0, ordered, reports };
}

/** The decision, from the coordinator or from the ledger. */
export function foldDecision(facts: MemberFacts, decision: Decision): MemberFacts {
  invariant(facts.decision === null || facts.decision === decision, 'a decision never changes');
  invariant(decision === 'abort' || hasVoted(facts), 'a commit follows the votes of all');
  return decision === 'commit'
    ? { ...facts, decision }
    : foldFreedom({ ...facts, decision, burned: true }, 0);
}

/** Once it is free, a member is `Released` if that was by the rules: after all had noted, or after `abort`. */
function foldFreedom(facts: MemberFacts, heldMs: number): MemberFacts {
  const isByTheRules = !facts.burned || facts.decision === 'abort';
  if (!facts.free || !isByTheRules || hasReported(facts, 'Released')) return facts;
  return report(facts, { kind: 'Released', member: facts.member, heldMs });
}

export function startStep(facts: MemberFacts, running: MemberStep): MemberFacts {
  invariant(facts.running === null, `${running.step} begins when ${facts.running?.step} is over`);
  return { ...facts, running };
}

/** Whether this is the answer to the step under way; an answer to another one is stale. */
export const answersStep = (facts: MemberFacts, { step }: { readonly step: MemberStepName }): boolean =>
  facts.running?.step === step;

/** A step that succeeded. Steps of a cut that was given up meanwhile count for nothing. */
export function foldDone(facts: MemberFacts, result: Of<'StepDone'>): MemberFacts {
  const { member, running } = facts;
  const ended: MemberFacts = { ...facts, running: null };
  const done: MemberFacts = { ...ended, done: [...facts.done, result.step] };
  switch (result.step) {
    case 'preflight': {
      const { blockers, holdBudgetMs } = result;
      return report(done, { kind: 'Ready', member, blockers, holdBudgetMs });
    }
    case 'freeze':
      return facts.burned ? ended : report(done, { kind: 'Frozen', member });
    case 'hold':
      if (facts.burned) return ended;
      if (result.holdId !== facts.holdId) return giveUp(ended, failures.holdBroken(member, 'hold'));
      return report(done, { kind: 'Held', member, holdId: result.holdId });
    case 'note':
      return facts.burned ? ended : report(done, { kind: 'Noted', member });
    case 'dump':
      return done;
    case 'check':
      if (facts.burned) return ended;
      if (result.vote.holdId !== facts.holdId) return giveUp(ended, failures.holdBroken(member, 'dump'));
      return report(done, { kind: 'Dumped', member, vote: result.vote });
    case 'release':
      return foldFreedom({ ...done, free: true }, result.heldMs);
    case 'kill':
      return report(done, { kind: 'Killed', member });
    case 'survey': {
      invariant(running?.step === 'survey', 'a survey was under way');
      const { addresses, sockets } = result;
      const surveyed = { ...ended, surveysDone: running.round };
      return report(surveyed, { kind: 'Surveyed', member, round: running.round, addresses, sockets });
    }
    case 'settle':
      return report(done, { kind: 'Settled', member, destroyed: result.destroyed });
    case 'persist':
      return report(done, { kind: 'Persisted', member, files: result.files, meta: result.meta });
    case 'forget':
      return report(done, { kind: 'Forgotten', member });
  }
}

/** A step that failed: before the vote it gives the epoch up, later it is said, and tried again if it must be. */
export function foldFailed(facts: MemberFacts, failed: Of<'StepFailed'>): MemberFacts {
  const { step, code, message, remedy, retryable } = failed;
  const { member, running } = facts;
  const ended: MemberFacts = { ...facts, running: null };
  const failure: FailedReport = { kind: 'Failed', member, phase: step, code, message, remedy, retryable };
  switch (step) {
    case 'preflight':
    case 'freeze':
    case 'hold':
    case 'note':
    case 'dump':
    case 'check':
      return giveUp(ended, failure);
    case 'release':
    case 'kill':
      return reportOnce(ended, failure);
    case 'survey':
      invariant(running?.step === 'survey', 'a survey was under way');
      return reportOnce({ ...ended, surveysDone: running.round }, failure);
    case 'settle':
    case 'forget':
      return reportOnce({ ...ended, done: [...facts.done, step] }, failure);
    case 'persist': {
      const persistFailures = facts.persistFailures + 1;
      const counted = { ...ended, persistFailures };
      if (persistFailures >= facts.limits.persistAttemptsMax) return reportOnce(counted, failure);
      // The coordinator sends the order again until it is answered: that is the next attempt.
      return { ...counted, ordered: facts.ordered.filter((kind) => kind !== 'Persist') };
    }
  }
}

const reportOnce = (facts: MemberFacts, failure: FailedReport): MemberFacts =>
  facts.reports.some((known) => known.kind === 'Failed' && known.phase === failure.phase)
    ? facts
    : report(facts, failure);

/** The member takes no further part in this epoch. Never after a vote under *stop*. */
export function giveUp(facts: MemberFacts, failure: FailedReport): MemberFacts {
  invariant(!isBound(facts), 'a member that has voted under stop waits for the decision');
  return facts.burned ? facts : report({ ...facts, burned: true }, failure);
}

/** The step that failures of this member are reported for, when no step itself has failed. */
export const phaseOf = ({ running, done }: MemberFacts): string =>
  running?.step ?? done.at(-1) ?? 'preflight';

export const reportDoubt = (facts: MemberFacts): MemberFacts =>
  hasReported(facts, 'InDoubt') ? facts : report(facts, { kind: 'InDoubt', member: facts.member });

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
