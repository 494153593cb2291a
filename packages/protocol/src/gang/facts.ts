// What the coordinator knows of an epoch, and the questions that its chart asks of that. Pure.
import type { Failure } from '../failures.ts';
import type { GangEpochInput, ManifestMember, Placement } from './events.ts';
import type { HookStage } from './hooks.ts';
import type { HoldId, MemberId } from '../ids.ts';
import type {
  Blocker,
  Decision,
  EpochOrder,
  HalfDeadSocket,
  StoredFile,
  SurveyedReport,
  VaultRoom,
} from '../messages.ts';
import type { MemberVote } from '../cut.ts';
import { invariant } from '../step.ts';

/** The steps of a member that the coordinator waits for, as bits: a gang may have thousands of members. */
export const stepBits = {
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
  /**
   * Its processes are dead; or its node is gone, and the staged images with it; or its node is there and knows nothing
   * of a committed epoch: it was started anew.
   */
  readonly lost: 'no' | 'member' | 'node' | 'staging';
  readonly holdBudgetMs: number | null;
  readonly room: VaultRoom | null;
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
  /** The stage whose hooks run. */
  readonly hookStage: HookStage | null;
  /** Hooks may have run that came before the freeze. */
  readonly hooksBegan: boolean;
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
      room: null,
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
    hookStage: null,
    hooksBegan: false,
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

/** Whether nothing is left of it where it was: neither processes nor images in staging. */
export const isGone = ({ lost }: GangMember): boolean => lost === 'node' || lost === 'staging';

/** Whether the epoch still waits for this member to take this step. */
export function isAwaited(member: GangMember, step: GangStep): boolean {
  if (hasReached(member, step) || isGone(member)) return false;
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

/** Whether anybody was under a hold: only then can one have swallowed a reset. */
export const wasHeld = ({ members }: GangFacts): boolean =>
  members.some((member) => hasReached(member, 'Held'));

/** The first member whose images are gone and not in the vault. */
export const findStagingLost = ({ members }: GangFacts): GangMember | undefined =>
  members.find((member) => isGone(member) && !hasReached(member, 'Persisted'));
export const isStagingLost = (facts: GangFacts): boolean => findStagingLost(facts) !== undefined;

/** The members of the manifest. Only a committed epoch whose members are all persisted has one. */
export function manifestMembers(facts: GangFacts): ManifestMember[] {
  invariant(facts.decision === 'commit', 'only a committed epoch is published');
  return facts.members.map((known) => {
    const { member, node, vote, heldMs, files, meta } = known;
    invariant(vote !== null && hasReached(known, 'Persisted'), `member ${member} is persisted`);
    return { member, node, vote, heldMs, files, meta };
  });
}
