// What the coordinator knows of an epoch, and how replies are folded into it. Facts only grow, so a reply that
// comes twice or late changes nothing.
import { failures, type Failure } from './failures.ts';
import type { GangEpochInput, GangEvent, ManifestMember, Placement } from './gang-events.ts';
import type { HoldId, MemberId } from './ids.ts';
import type {
  Blocker,
  Decision,
  EpochHeader,
  EpochOrder,
  EpochReply,
  FailedReport,
  HalfDeadSocket,
  MemberReport,
  StoredFile,
  SurveyedReport,
} from './messages.ts';
import type { MemberVote } from './cut.ts';
import { invariant } from './step.ts';

/** The steps of a member that the coordinator waits for, as bits: a gang may have thousands of members. */
const stepBits = {
  Ready: 1,
  Frozen: 2,
  Held: 4,
  Noted: 8,
  Dumped: 16,
  Released: 32,
  Surveyed: 64,
  Resurveyed: 128,
  Settled: 256,
  Killed: 512,
  Persisted: 1024,
  Forgotten: 2048,
} as const;

export type GangStep = keyof typeof stepBits;

/** One member, as far as the coordinator knows. */
export interface GangMember extends Placement {
  /** Bit set of `stepBits`. */
  readonly reached: number;
  /** Its processes are dead, or its node is gone and the staged images with it. */
  readonly lost: 'no' | 'member' | 'node';
  readonly holdBudgetMs: number | null;
  readonly holdId: HoldId | null;
  readonly vote: MemberVote | null;
  readonly heldMs: number | null;
  readonly firstSurvey: SurveyedReport | null;
  readonly secondSurvey: SurveyedReport | null;
  readonly files: readonly StoredFile[];
  readonly meta: unknown;
}

/** The context of the coordinator's machine. */
export interface GangFacts extends Omit<GangEpochInput, 'members'> {
  readonly members: readonly GangMember[];
  /** The phase, as people read it; kept here because failures name it. */
  readonly phase: string;
  /** The order in force and the step that answers it; it is sent again on every tick. */
  readonly order: EpochOrder | null;
  readonly awaited: GangStep | null;
  /** What preflight found, of all members. */
  readonly blockers: readonly Blocker[];
  /** Why the epoch does not succeed. */
  readonly failure: Failure | null;
  /** What went wrong without changing the outcome. */
  readonly warnings: readonly Failure[];
  /** Whether `commit` may stand in the ledger: this leader, or one before it, may have written it. */
  readonly commitPossible: boolean;
  readonly decision: Decision | null;
  readonly halfDead: readonly HalfDeadSocket[];
  readonly manifestAttempts: number;
  readonly manifestFailure: string | null;
}

/** The facts at the start of an epoch. */
export function startFacts({ members, ...input }: GangEpochInput): GangFacts {
  invariant(members.length > 0, 'a gang has members');
  invariant(new Set(members.map(({ member }) => member)).size === members.length, 'members are distinct');
  return {
    ...input,
    members: members.map(({ member, node }) => ({
      member,
      node,
      reached: 0,
      lost: 'no',
      holdBudgetMs: null,
      holdId: null,
      vote: null,
      heldMs: null,
      firstSurvey: null,
      secondSurvey: null,
      files: [],
      meta: null,
    })),
    phase: 'preflight',
    order: null,
    awaited: null,
    blockers: [],
    failure: null,
    warnings: [],
    commitPossible: false,
    decision: null,
    halfDead: [],
    manifestAttempts: 0,
    manifestFailure: null,
  };
}

export const hasReached = (member: GangMember, step: GangStep): boolean =>
  (member.reached & stepBits[step]) !== 0;

/** Steps that only a living process takes; the others are its agent's, and need only the node. */
const needsProcess: ReadonlySet<GangStep> = new Set<GangStep>([
  'Ready',
  'Frozen',
  'Held',
  'Noted',
  'Dumped',
  'Released',
  'Surveyed',
  'Resurveyed',
  'Settled',
  'Killed',
]);

/** Whether the epoch still waits for this member to take this step. */
export function isAwaited(member: GangMember, step: GangStep): boolean {
  if (hasReached(member, step) || member.lost === 'node') return false;
  return !(member.lost === 'member' && needsProcess.has(step));
}

export const allReached = (facts: GangFacts, step: GangStep): boolean =>
  !facts.members.some((member) => isAwaited(member, step));

/** Members for which the order in force still waits. */
export const awaitedMembers = ({ members, awaited }: GangFacts): MemberId[] =>
  awaited === null ? [] : members.filter((member) => isAwaited(member, awaited)).map(({ member }) => member);

/** Whether this member may be frozen and hears nothing unless it is spoken to. */
export const maybeHeld = (member: GangMember): boolean =>
  member.lost === 'no' && !hasReached(member, 'Released') && !hasReached(member, 'Killed');

export const smallestBudgetMs = ({ members }: GangFacts): number =>
  members.reduce(
    (least, { holdBudgetMs }) => Math.min(least, holdBudgetMs ?? least),
    Number.MAX_SAFE_INTEGER,
  );

export const votesOf = ({ members }: GangFacts): MemberVote[] =>
  members.flatMap(({ vote }) => (vote === null ? [] : [vote]));

/** The first failure wins: later ones are mostly its echo. */
export const fail = (facts: GangFacts, failure: Failure): GangFacts =>
  facts.failure === null ? { ...facts, failure } : facts;

export const warn = (facts: GangFacts, failure: Failure): GangFacts => ({
  ...facts,
  warnings: [...facts.warnings, failure],
});

/** Same epoch, same incarnation and the leader's own term. */
const isForUs = (ours: EpochHeader, theirs: EpochHeader): boolean =>
  ours.gang === theirs.gang &&
  ours.incarnation === theirs.incarnation &&
  ours.epoch === theirs.epoch &&
  ours.fence === theirs.fence;

/** Folds a node's reply into the facts; a stale one, or one of a stranger, changes nothing. */
export function foldReply(facts: GangFacts, reply: EpochReply): GangFacts {
  if (!isForUs(facts.header, reply)) return facts;
  return reply.reports.reduce((before, report) => {
    const index = before.members.findIndex(
      ({ member, node }) => member === report.member && node === reply.node,
    );
    const member = before.members[index];
    return member === undefined ? before : foldReport(before, index, member, report);
  }, facts);
}

function foldReport(facts: GangFacts, index: number, member: GangMember, report: MemberReport): GangFacts {
  const learn = (step: GangStep, more: Partial<GangMember> = {}): GangFacts =>
    hasReached(member, step)
      ? facts
      : {
          ...facts,
          members: facts.members.with(index, {
            ...member,
            ...more,
            reached: member.reached | stepBits[step],
          }),
        };
  switch (report.kind) {
    case 'Ready': {
      if (hasReached(member, 'Ready')) return facts;
      const ready = learn('Ready', { holdBudgetMs: report.holdBudgetMs });
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
    members: facts.members.map((member) =>
      isHit(member) && member.lost !== 'node' ? { ...member, lost } : member,
    ),
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

/** Whether anybody was under a hold: only then can one have swallowed a reset. */
export const wasHeld = ({ members }: GangFacts): boolean =>
  members.some((member) => hasReached(member, 'Held'));

/** Whether a node is gone with images that the vault does not have yet. */
export const isStagingLost = ({ members }: GangFacts): boolean =>
  members.some((member) => member.lost === 'node' && !hasReached(member, 'Persisted'));

/** The members of the manifest. Only a committed epoch whose members are all persisted has one. */
export function manifestMembers(facts: GangFacts): ManifestMember[] {
  invariant(facts.decision === 'commit', 'only a committed epoch is published');
  return facts.members.map((known) => {
    const { member, node, vote, heldMs, files, meta } = known;
    invariant(vote !== null && hasReached(known, 'Persisted'), `member ${member} is persisted`);
    return { member, node, vote, heldMs, files, meta };
  });
}
