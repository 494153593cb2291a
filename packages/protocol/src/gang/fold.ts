// How replies and losses are folded into what the coordinator knows. Facts only grow, so a reply that comes twice or
// late changes nothing. Pure.
import { failures } from '../failures.ts';
import type { MemberId, NodeName } from '../ids.ts';
import type { EpochHeader, EpochReply, FailedReport, MemberReport } from '../messages.ts';
import { invariant } from '../step.ts';
import type { GangEvent } from './events.ts';
import {
  fail,
  hasReached,
  isGone,
  stepBits,
  warn,
  type GangFacts,
  type GangMember,
  type GangStep,
} from './facts.ts';

/** Same epoch, same incarnation and the leader's own term. */
const isForUs = (ours: EpochHeader, theirs: EpochHeader): boolean =>
  ours.gang === theirs.gang &&
  ours.incarnation === theirs.incarnation &&
  ours.epoch === theirs.epoch &&
  ours.fence === theirs.fence;

/** Folds a node's reply into the facts; a stale one, or one of a stranger, changes nothing. */
export function foldReply(facts: GangFacts, reply: EpochReply): GangFacts {
  if (!isForUs(facts.header, reply)) return facts;
  if (reply.reports.length === 0) return foldForgotten(facts, reply.node);
  // one copy for the whole reply: a gang may have thousands of members
  const members = [...facts.members];
  return reply.reports.reduce<GangFacts>(
    (before, report) => {
      const index = indexOf(members, report.member);
      const member = members[index];
      return member?.node === reply.node ? foldReport(before, members, index, member, report) : before;
    },
    { ...facts, members },
  );
}

/** Members stand in the order of their numbers, mostly from 0 on without a gap. */
const indexOf = (members: readonly GangMember[], member: MemberId): number =>
  members[member]?.member === member ? member : members.findIndex((each) => each.member === member);

/** Every member has voted for a committed epoch: a node that knows nothing of it was started anew since. */
function foldForgotten(facts: GangFacts, node: NodeName): GangFacts {
  if (facts.decision !== 'commit') return facts;
  return {
    ...facts,
    members: facts.members.map((member) =>
      member.node === node && !isGone(member) ? { ...member, lost: 'staging' } : member,
    ),
  };
}

/** @param members of `facts`, a copy that nobody else has yet: what is learned is put in there */
function foldReport(
  facts: GangFacts,
  members: GangMember[],
  index: number,
  member: GangMember,
  report: MemberReport,
): GangFacts {
  const learn = (step: GangStep, more: Partial<GangMember> = {}): GangFacts => {
    if (!hasReached(member, step))
      members[index] = { ...member, ...more, reached: member.reached | stepBits[step] };
    return facts;
  };
  switch (report.kind) {
    case 'Ready': {
      if (hasReached(member, 'Ready')) return facts;
      const ready = learn('Ready', { holdBudgetMs: report.holdBudgetMs, room: report.room });
      return { ...ready, blockers: [...facts.blockers, ...report.blockers] };
    }
    case 'Held':
      if (member.holdId !== null && member.holdId !== report.holdId) {
        return fail(facts, failures.holdChanged(member.member));
      }
      return learn('Held', { holdId: report.holdId });
    case 'Dumped': {
      invariant(report.vote.member === member.member, 'a member votes for itself');
      const isOneHold = member.holdId === null || member.holdId === report.vote.holdId;
      const dumped = learn('Dumped', { vote: report.vote });
      return isOneHold ? dumped : fail(dumped, failures.holdChanged(member.member));
    }
    case 'Frozen':
    case 'Noted':
    case 'Settled':
    case 'Killed':
    case 'Forgotten':
      return learn(report.kind);
    case 'Released':
      return learn('Released', { heldMs: report.heldMs });
    case 'Surveyed':
      return report.round === 1
        ? learn('Surveyed', { firstSurvey: report })
        : learn('Resurveyed', { secondSurvey: report });
    case 'Persisted':
      // Its vote stands before it in the same list; without one there is nothing to publish.
      return member.vote === null ? facts : learn('Persisted', { files: report.files, meta: report.meta });
    case 'Failed':
      return foldFailed(facts, report);
    case 'InDoubt':
      return facts;
  }
}

/** After the last release nothing of these phases puts the epoch or its members at risk. */
const harmless: ReadonlySet<string> = new Set(['survey', 'settle', 'kill', 'forget']);

function foldFailed(facts: GangFacts, report: FailedReport): GangFacts {
  // said to somebody who drove this epoch before
  if (report.persistId !== undefined && report.persistId !== facts.persistId) return facts;
  const failure = failures.reported(report);
  if (!harmless.has(report.phase)) return fail(facts, failure);
  const isKnown = facts.warnings.some(
    ({ member, phase }) => member === failure.member && phase === failure.phase,
  );
  return isKnown ? facts : warn(facts, failure);
}

type Loss = Extract<GangEvent, { kind: 'MemberLost' | 'NodeLost' }>;

/** Folds the loss of a member or node. Whether it matters depends on what was reached: see the chart. */
export function foldLoss(facts: GangFacts, event: Loss): GangFacts {
  const isHit = ({ member, node }: GangMember): boolean =>
    event.kind === 'NodeLost' ? node === event.node : member === event.member;
  const lost = event.kind === 'NodeLost' ? 'node' : 'member';
  return {
    ...facts,
    members: facts.members.map((member) => (isHit(member) && !isGone(member) ? { ...member, lost } : member)),
  };
}

/** A loss before the decision: the epoch fails with it. */
export function failLoss(facts: GangFacts, event: Loss): GangFacts {
  const folded = foldLoss(facts, event);
  if (!folded.members.some((member, index) => member.lost !== facts.members[index]?.lost)) return facts;
  return fail(
    folded,
    event.kind === 'NodeLost'
      ? failures.nodeLost(facts.phase, event.node)
      : failures.memberLost(facts.phase, event.member, event.reason),
  );
}
