// What the coordinator says in an epoch: orders to nodes, deadlines, the ledger's and the vault's part. Pure
// functions from facts to effects, and the small folds that go with them.
import { verifyCut } from '../cut-check.ts';
import { failures, type Failure } from '../failures.ts';
import type { GangDeadline, GangEffect, GangProgress, GangResult } from './events.ts';
import {
  awaitedMembers,
  fail,
  findStagingLost,
  hasReached,
  isAwaited,
  manifestMembers,
  maybeHeld,
  smallestBudgetMs,
  votesOf,
  type GangFacts,
  type GangMember,
  type GangStep,
} from './facts.ts';
import { mergeNotes } from '../gang-files.ts';
import { findLonely, judgeHalfDead } from '../half-dead.ts';
import type { NodeName } from '../ids.ts';
import type { GangEpochLimits } from '../limits.ts';
import type { Decision, EpochOrder, EpochReply, SurveyedReport, SurveyRound } from '../messages.ts';
import { invariant } from '../step.ts';
import { roomBlockers } from './room.ts';

/** All but that of hooks, which is the hooks' own. */
export type PhaseDeadline = Exclude<GangDeadline, 'hooks'>;

const limitNames = {
  preflight: 'preflightDeadlineMs',
  freeze: 'freezeDeadlineMs',
  drain: 'drainMs',
  hold: 'holdDeadlineMs',
  note: 'noteDeadlineMs',
  dump: 'dumpDeadlineMs',
  release: 'releaseDeadlineMs',
  decide: 'decideDeadlineMs',
  kill: 'killDeadlineMs',
  abort: 'abortDeadlineMs',
  settle: 'settleDeadlineMs',
  surveyGap: 'surveyGapMs',
  persist: 'persistDeadlineMs',
  manifest: 'manifestDeadlineMs',
  forget: 'forgetDeadlineMs',
} as const satisfies Record<Exclude<PhaseDeadline, 'budget'>, keyof GangEpochLimits>;

const deadlineMs = (facts: GangFacts, name: PhaseDeadline): number =>
  name === 'budget' ? smallestBudgetMs(facts) : facts.limits[limitNames[name]];

export const setDeadline = (facts: GangFacts, name: PhaseDeadline): GangEffect => ({
  kind: 'SetDeadline',
  name,
  afterMs: deadlineMs(facts, name),
});
export const clearDeadline = (name: GangDeadline): GangEffect => ({ kind: 'ClearDeadline', name });
export const record = (event: GangProgress): GangEffect => ({ kind: 'Record', event });

/** Nodes of the members that fit, in the order of the members, each once. */
const nodesOf = ({ members }: GangFacts, fits: (member: GangMember) => boolean): NodeName[] => [
  ...new Set(members.filter((member) => member.lost !== 'node' && fits(member)).map(({ node }) => node)),
];

/** The command is the very same for all nodes: a bus can say it to all of them at once. */
function send({ header }: GangFacts, nodes: readonly NodeName[], order: EpochOrder): GangEffect[] {
  const command = { ...header, ...order };
  return nodes.map((node) => ({ kind: 'Send', node, command }));
}

export const sendToAll = (facts: GangFacts, order: EpochOrder): GangEffect[] =>
  send(
    facts,
    nodesOf(facts, () => true),
    order,
  );

/** Sends the order in force to every node. */
export const sendOrder = (facts: GangFacts): GangEffect[] =>
  facts.order === null ? [] : sendToAll(facts, facts.order);

/**
 * On a tick: the order in force once more, to nodes that have not answered, and to those that wait with
 * frozen members and would otherwise hear nothing.
 */
export function resend(facts: GangFacts): GangEffect[] {
  const { order, awaited } = facts;
  if (order === null) return [];
  const waits = (member: GangMember): boolean =>
    (awaited !== null && isAwaited(member, awaited)) || (hasReached(member, 'Frozen') && maybeHeld(member));
  return send(facts, nodesOf(facts, waits), order);
}

/** The order now in force, and the step that answers it. */
export const takeOrder = (
  facts: GangFacts,
  phase: PhaseDeadline,
  order: EpochOrder,
  awaited: GangStep,
): GangFacts => ({ ...facts, phase, order, awaited });

export const preflightOrder = ({ outcome, outside, files }: GangFacts): EpochOrder => ({
  kind: 'Preflight',
  outcome,
  outside,
  files,
});

/** The freeze order, with the time after which an agent that hears nothing thaws its members. */
export const freezeOrder = (facts: GangFacts): EpochOrder => ({
  kind: 'Freeze',
  outcome: facts.outcome,
  deadManMs: Math.min(facts.limits.deadManMs, smallestBudgetMs(facts)),
});

/** After all have noted: under *resume* each member may go as soon as its dump has ended. */
export const dumpOrder = ({ outcome }: GangFacts): EpochOrder => ({
  kind: outcome === 'resume' ? 'AllNoted' : 'Dump',
});

/** `abort` unless the ledger has said `commit`: said before it has, it is a promise never to write `commit`. */
export const decidedOrder = ({ decision, failure }: GangFacts): EpochOrder => ({
  kind: 'Decided',
  decision: decision ?? 'abort',
  reason: failure?.message ?? 'the cut is consistent',
});

export const foldCommit = (facts: GangFacts): GangFacts => {
  invariant(facts.commitPossible, '`commit` is never in the ledger before it was written');
  return { ...facts, decision: 'commit', failure: null };
};

export const foldAbort = (facts: GangFacts): GangFacts =>
  fail({ ...facts, decision: 'abort' }, failures.decidedElsewhere(facts.phase));

/** The ledger's word that comes after the members were told: it can only be the same. */
export const foldDecision = (facts: GangFacts, { decision }: { readonly decision: Decision }): GangFacts => {
  invariant(decision === 'abort', 'an epoch that was given up is not committed');
  return { ...facts, decision };
};

/** On a tick while aborting: tell those who have not answered, and the ledger if it has not. */
export const resendAbort = (facts: GangFacts): GangEffect[] => [
  ...(facts.decision === null ? [writeDecision(facts, 'abort')] : []),
  ...resend(facts),
];

export const surveyOrder = (round: SurveyRound) => (): EpochOrder => ({ kind: 'AllReleased', round });
export const settleOrder = ({ halfDead }: GangFacts): EpochOrder => ({ kind: 'Settle', halfDead });

export const foldOverdue = (facts: GangFacts, phase: PhaseDeadline): GangFacts =>
  fail(facts, overdueFailure(facts, phase));

export const overdueFailure = (facts: GangFacts, phase: PhaseDeadline): Failure =>
  failures.overdue(phase, deadlineMs(facts, phase), awaitedMembers(facts));

export const foldOverBudget = (facts: GangFacts): GangFacts =>
  fail(facts, failures.overBudget(facts.phase, smallestBudgetMs(facts)));

export function foldBlockers(facts: GangFacts): GangFacts {
  const blockers = [...facts.blockers, ...(facts.outcome === 'stop' ? roomBlockers(facts) : [])];
  return blockers.length === 0 ? facts : fail(facts, failures.blocked('preflight', blockers));
}

/** Verifies the cut once every vote is in: its connections, and the files that are to follow the gang. */
export function foldCut(facts: GangFacts): GangFacts {
  const votes = votesOf(facts);
  const problems = verifyCut(votes, facts.outside);
  if (problems.length > 0) return fail(facts, failures.badCut(problems));
  const conflicts = facts.files === 'keep' ? [] : mergeNotes(votes).conflicts;
  return conflicts.length === 0 ? facts : fail(facts, failures.fileConflicts(conflicts));
}

const surveysOf = ({ members }: GangFacts, of: 'firstSurvey' | 'secondSurvey'): SurveyedReport[] =>
  members.flatMap((member) => member[of] ?? []);

/** Whether the first look found anything that deserves a second. */
export const looksLonely = (facts: GangFacts): boolean =>
  findLonely(surveysOf(facts, 'firstSurvey')).length > 0;

export const foldHalfDead = (facts: GangFacts): GangFacts => ({
  ...facts,
  halfDead: judgeHalfDead(surveysOf(facts, 'firstSurvey'), surveysOf(facts, 'secondSurvey')),
});

export const writeDecision = (facts: GangFacts, decision: Decision): GangEffect => ({
  kind: 'WriteDecision',
  decision,
  reason: facts.failure?.message ?? 'the cut is consistent',
});

export const recordFailure = ({ failure }: GangFacts): GangEffect[] =>
  failure === null ? [] : [record({ kind: 'Aborting', failure })];

/** Members that say that they are in doubt: loudly, for people. */
export const recordDoubts = (reply: EpochReply): GangEffect[] =>
  reply.reports.flatMap(({ kind, member }) =>
    kind === 'InDoubt' ? [record({ kind: 'MemberInDoubt', member })] : [],
  );

/** What stands between a committed epoch and its publication, as its failure. */
export function foldUnpublished(facts: GangFacts): GangFacts {
  const gone = findStagingLost(facts);
  if (gone !== undefined) {
    const lost = gone.lost === 'node' ? failures.nodeLost : failures.stagingLost;
    return fail(facts, lost(facts.phase, gone.node));
  }
  return facts.manifestFailure === null ? facts : fail(facts, failures.notPublished(facts.manifestFailure));
}

export const recordHalfDead = ({ halfDead }: GangFacts): GangEffect[] =>
  halfDead.length === 0 ? [] : [record({ kind: 'HalfDeadFound', sockets: halfDead })];

export const writeManifest = (facts: GangFacts): GangEffect => ({
  kind: 'WriteManifest',
  members: manifestMembers(facts),
});

export const finish = (facts: GangFacts, result: GangResult): GangEffect => ({
  kind: 'Finish',
  result,
  failure: facts.failure,
  warnings: facts.warnings,
});
