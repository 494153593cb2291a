// Why an epoch or a restore attempt did not succeed, as plain data: it travels, is kept, and becomes an error.
import type { CutProblem } from './cut-check.ts';
import type { FileConflict } from './gang-files.ts';
import type { MemberId, NodeName } from './ids.ts';
import type { Blocker, FailedReport } from './messages.ts';

/** The reason of an abort, an abandonment or a loss: what, where, when, and what to do. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  /** Whether the same request may succeed later without a change. */
  readonly retryable: boolean;
  /** The phase in which it was noticed, or which failed. */
  readonly phase: string;
  readonly member?: MemberId;
  readonly node?: NodeName;
  readonly blockers?: readonly Blocker[];
  readonly problems?: readonly CutProblem[];
}

/** How many names a message lists before it counts the rest. */
const namesMax = 8;

const listNames = (names: readonly string[]): string => {
  const rest = names.length - namesMax;
  return names.slice(0, namesMax).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
};

const listMembers = (members: readonly MemberId[]): string =>
  `member${members.length === 1 ? '' : 's'} ${listNames(members.map(String))}`;

/** The failure constructors of the protocol: one for each code that it makes itself. */
export const failures = {
  blocked: (phase: string, blockers: readonly Blocker[]): Failure => ({
    code: 'SP_BLOCKED',
    message: `preflight found what cannot be done: ${listNames(blockers.map((blocker) => blocker.message))}`,
    remedy: blockers[0]?.remedy ?? 'Remove the blockers, then try again.',
    retryable: false,
    phase,
    blockers,
  }),

  overdue: (phase: string, deadlineMs: number, members: readonly MemberId[]): Failure => ({
    code: 'SP_PHASE_OVERDUE',
    message: `${phase} was not over after ${deadlineMs} ms: nothing from ${listMembers(members)}`,
    remedy: 'Look at the agents of these members, then try again.',
    retryable: true,
    phase,
  }),

  overBudget: (phase: string, budgetMs: number): Failure => ({
    code: 'SP_HOLD_OVER_BUDGET',
    message: `the gang could not be held any longer than ${budgetMs} ms`,
    remedy: "Shorten the dump (faster staging, smaller members) or raise the program's own time-outs.",
    retryable: true,
    phase,
  }),

  hooksOverdue: (stage: string): Failure => ({
    code: 'SP_HOOKS_OVERDUE',
    message: `the hooks before ${stage} were not through in time`,
    remedy: 'Look at the log of the coordinator, then try again; docs/hooks.md tells of deadlines.',
    retryable: true,
    phase: 'hooks',
  }),

  hooksOverBudget: (totalMs: number, budgetMs: number): Failure => ({
    code: 'SP_HOOKS_OVER_BUDGET',
    message: `hooks may take ${totalMs} ms while members stand still, who can do so for ${budgetMs} ms`,
    remedy: 'Shorten their deadlines, or run them before the freeze or after the release.',
    retryable: false,
    phase: 'preflight',
  }),

  badCut: (problems: readonly CutProblem[]): Failure => ({
    code: 'SP_CUT_NOT_CONSISTENT',
    message: `the cut is not consistent: ${listNames(problems.map((problem) => problem.message))}`,
    remedy: 'Try again: a connection was being opened or closed.',
    retryable: true,
    phase: 'verify',
    problems,
  }),

  fileConflicts: (conflicts: readonly FileConflict[]): Failure => ({
    code: 'SP_FILES_IN_CONFLICT',
    message: `files that members share can't be brought back to one cut: ${listNames(conflicts.map(({ message }) => message))}`,
    remedy:
      'Let one member write to each file, or all append; `--files keep` leaves such files out of checkpoints.',
    retryable: conflicts.every(({ kind }) => kind === 'written-in-place'),
    phase: 'verify',
  }),

  holdChanged: (member: MemberId): Failure => ({
    code: 'SP_HOLD_CHANGED',
    message: `member ${member} was not under one and the same hold during its dump`,
    remedy: 'Make sure that nobody else changes nftables rules or thaws the member, then try again.',
    retryable: true,
    phase: 'dump',
    member,
  }),

  memberLost: (phase: string, member: MemberId, reason: string): Failure => ({
    code: 'SP_MEMBER_LOST',
    message: `member ${member} is gone: ${reason}`,
    remedy: 'Restore the gang from its last published epoch.',
    retryable: false,
    phase,
    member,
  }),

  nodeLost: (phase: string, node: NodeName): Failure => ({
    code: 'SP_NODE_LOST',
    message: `node ${node} is gone, and what was staged there with it`,
    remedy: 'Restore the gang from its last published epoch onto other nodes.',
    retryable: false,
    phase,
    node,
  }),

  stagingLost: (phase: string, node: NodeName): Failure => ({
    code: 'SP_STAGING_LOST',
    message: `node ${node} was started anew, and what was staged there is gone`,
    remedy: 'Restore the gang from its last published epoch.',
    retryable: false,
    phase,
    node,
  }),

  requested: (phase: string, reason: string): Failure => ({
    code: 'SP_ABORT_REQUESTED',
    message: `it was given up on request: ${reason}`,
    remedy: 'Ask again when you are ready.',
    retryable: true,
    phase,
  }),

  leaderChanged: (): Failure => ({
    code: 'SP_LEADER_CHANGED',
    message: 'the coordinator that drove it is gone, and it was not committed',
    remedy: 'Ask again.',
    retryable: true,
    phase: 'recovery',
  }),

  decidedElsewhere: (phase: string): Failure => ({
    code: 'SP_DECIDED_ELSEWHERE',
    message: 'somebody else had to give up and wrote the decision first',
    remedy: 'Ask again; the logs of the agents say why.',
    retryable: true,
    phase,
  }),

  incarnationRefused: (reason: string): Failure => ({
    code: 'SP_INCARNATION_REFUSED',
    message: `the restore could not be opened: ${reason}`,
    remedy: 'End what still runs of this gang, or wait for the other restore, then try again.',
    retryable: true,
    phase: 'open',
  }),

  notPublished: (reason: string): Failure => ({
    code: 'SP_MANIFEST_NOT_WRITTEN',
    message: `its manifest could not be written: ${reason}`,
    remedy: 'Mend the vault, then take another checkpoint.',
    retryable: true,
    phase: 'persist',
  }),

  ledgerSilent: (phase: string): Failure => ({
    code: 'SP_LEDGER_SILENT',
    message: 'the ledger did not say what was decided',
    remedy: 'Bring the ledger back: it is finished or aborted then.',
    retryable: true,
    phase,
  }),

  /** What was heard of the coordinator while a member was frozen: nothing. */
  deadMan: (member: MemberId, phase: string, deadManMs: number): FailedReport => ({
    kind: 'Failed',
    member,
    phase,
    code: 'SP_COORDINATOR_SILENT',
    message: `it was given up for member ${member}: nothing was heard of the coordinator for ${deadManMs} ms`,
    remedy: 'Look at the coordinator and at the connection to it, then try again.',
    retryable: true,
  }),

  agentRestarted: (member: MemberId, phase: string): FailedReport => ({
    kind: 'Failed',
    member,
    phase,
    code: 'SP_AGENT_RESTARTED',
    message: `it was given up for member ${member}: its agent was gone for a while`,
    remedy: 'Try again.',
    retryable: true,
  }),

  memberDied: (member: MemberId, phase: string, reason: string): FailedReport => ({
    kind: 'Failed',
    member,
    phase,
    code: 'SP_MEMBER_DIED',
    message: `member ${member} died: ${reason}`,
    remedy: 'Restore the gang from its last published epoch.',
    retryable: false,
  }),

  superseded: (member: MemberId, phase: string): FailedReport => ({
    kind: 'Failed',
    member,
    phase,
    code: 'SP_EPOCH_SUPERSEDED',
    message: `it was given up for member ${member}: a later epoch has begun`,
    remedy: 'Nothing: the later epoch goes on.',
    retryable: true,
  }),

  stateNotKept: (member: MemberId, phase: string, message: string): FailedReport => ({
    kind: 'Failed',
    member,
    phase,
    code: 'SP_STATE_NOT_KEPT',
    message: `the agent could not write down how member ${member} stands: ${message}`,
    remedy: 'Make room where the agent keeps its state, then try again.',
    retryable: true,
  }),

  holdBroken: (member: MemberId, phase: string): FailedReport => {
    const { retryable, code, message, remedy } = failures.holdChanged(member);
    return { kind: 'Failed', member, phase, code, message, remedy, retryable };
  },

  /** What an agent reported, as the reason of the whole. It names the member. */
  reported: ({ kind: _kind, persistId: _id, ...failure }: FailedReport): Failure => {
    const { member, message } = failure;
    return message.startsWith('member ') ? failure : { ...failure, message: `member ${member}: ${message}` };
  },
} as const;
