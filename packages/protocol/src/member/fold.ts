// How commands and the results of steps are folded into what an agent knows of a member. Orders and facts only grow, so
// a command that comes twice or late changes nothing. Pure.
import { failures } from '../failures.ts';
import type { Decision, FailedReport, MemberReport } from '../messages.ts';
import { invariant } from '../step.ts';
import type { MemberEvent, MemberStep, MemberStepName } from './events.ts';
import { hasVoted, isBound, isDone, isOrdered, phaseOf, type MemberFacts } from './facts.ts';

type Of<Kind extends MemberEvent['kind']> = Extract<MemberEvent, { kind: Kind }>;

const report = (facts: MemberFacts, more: MemberReport): MemberFacts => ({
  ...facts,
  reports: [...facts.reports, more],
});
const hasReported = ({ reports }: MemberFacts, kind: MemberReport['kind']): boolean =>
  reports.some((known) => known.kind === kind);

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
      return foldDecision(heard, command.decision);
    case 'AllReleased':
      return command.round > heard.surveyRound ? { ...heard, surveyRound: command.round } : heard;
    case 'Settle':
      return { ...heard, halfDead: command.halfDead };
    case 'Hold':
    case 'Dump':
    case 'AllNoted':
    case 'Forget':
      return heard;
    case 'Persist':
      return permitPersist(heard, command.persistId);
  }
}

/** The epoch is taken up again: what could not be persisted then may be now. */
function permitPersist(facts: MemberFacts, persistId: string): MemberFacts {
  if (facts.persistId === persistId) return facts;
  const reports = facts.reports.filter((known) => known.kind !== 'Failed' || known.phase !== 'persist');
  return { ...facts, persistId, persistFailures: 0, reports };
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
      const { blockers, holdBudgetMs, room } = result;
      return report(done, { kind: 'Ready', member, blockers, holdBudgetMs, room });
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
      invariant(facts.persistId !== null, 'it was ordered to persist');
      if (persistFailures >= facts.limits.persistAttemptsMax)
        return reportOnce(counted, { ...failure, persistId: facts.persistId });
      // The coordinator sends the order again until it is answered: that is the next attempt.
      return { ...counted, ordered: facts.ordered.filter((kind) => kind !== 'Persist') };
    }
  }
}

/** What could not be kept did not happen. Who is bound, or through with the cut, is not moved by that. */
export function foldPersistFailed(facts: MemberFacts, { message }: Of<'PersistFailed'>): MemberFacts {
  const failure = failures.stateNotKept(facts.member, phaseOf(facts), message);
  if (facts.running !== null) {
    return foldFailed(facts, { ...failure, kind: 'StepFailed', step: facts.running.step });
  }
  const isThrough = isBound(facts) || isDone(facts, 'release') || isDone(facts, 'kill');
  return isThrough ? facts : giveUp(facts, failure);
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

export const reportDoubt = (facts: MemberFacts): MemberFacts =>
  hasReported(facts, 'InDoubt') ? facts : report(facts, { kind: 'InDoubt', member: facts.member });
