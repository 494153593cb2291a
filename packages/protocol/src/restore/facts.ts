// What the coordinator knows of a restore attempt, and how replies are folded into it. Facts only grow, so a reply
// that comes twice or late changes nothing.
import { failures, type Failure } from '../failures.ts';
import type { MemberId, NodeName } from '../ids.ts';
import type { Blocker } from '../messages.ts';
import type { RestoreDeadline, RestoreEffect, RestoreInput, RestoreProgress } from './events.ts';
import type {
  RestoreOrder,
  RestoreOutcome,
  RestorePlacement,
  RestoreReply,
  RestoreReport,
} from '../restore-messages.ts';
import { invariant } from '../step.ts';

/** The steps of a member that the coordinator waits for. */
export type RestoreStep = Exclude<RestoreReport['kind'], 'Failed' | 'InDoubt'>;

/** One member, as far as the coordinator knows. */
interface RestoreMember extends RestorePlacement {
  readonly reached: readonly RestoreStep[];
  /** Its node is proved gone, and the member with it. */
  readonly isLost: boolean;
}

/** The context of the coordinator's machine. */
export interface RestoreFacts extends Omit<RestoreInput, 'members'> {
  readonly members: readonly RestoreMember[];
  readonly phase: string;
  /** The order in force and the step that answers it; it is sent again on every tick. */
  readonly order: RestoreOrder | null;
  readonly awaited: RestoreStep | null;
  readonly blockers: readonly Blocker[];
  /** Why the attempt does not succeed. */
  readonly failure: Failure | null;
  readonly warnings: readonly Failure[];
  /** Whether `go` may stand in the ledger: this leader, or one before it, may have written it. */
  readonly goPossible: boolean;
  readonly outcome: RestoreOutcome | null;
}

/** The facts at the start of an attempt. */
export function startRestoreFacts({ members, ...input }: RestoreInput): RestoreFacts {
  invariant(members.length > 0, 'a gang has members');
  invariant(new Set(members.map(({ member }) => member)).size === members.length, 'members are distinct');
  return {
    ...input,
    members: members.map((placement) => ({ ...placement, reached: [], isLost: false })),
    phase: 'preflight',
    order: null,
    awaited: null,
    blockers: [],
    failure: null,
    warnings: [],
    goPossible: false,
    outcome: null,
  };
}

const isAwaited = ({ reached, isLost }: RestoreMember, step: RestoreStep): boolean =>
  !isLost && !reached.includes(step);

export const allReached = ({ members }: RestoreFacts, step: RestoreStep): boolean =>
  !members.some((member) => isAwaited(member, step));

export const fail = (facts: RestoreFacts, failure: Failure): RestoreFacts =>
  facts.failure === null ? { ...facts, failure } : facts;

/** Folds a node's reply into the facts; a stale one, or one of a stranger, changes nothing. */
export function foldReply(facts: RestoreFacts, { reply }: { readonly reply: RestoreReply }): RestoreFacts {
  const { gang, incarnation, epoch, fence } = facts.header;
  const isForUs =
    reply.gang === gang &&
    reply.incarnation === incarnation &&
    reply.epoch === epoch &&
    reply.fence === fence;
  if (!isForUs) return facts;
  return reply.reports.reduce((known, report) => {
    const index = known.members.findIndex(
      ({ member, node }) => member === report.member && node === reply.node,
    );
    const member = known.members[index];
    return member === undefined ? known : foldReport(known, index, member, report);
  }, facts);
}

function foldReport(
  facts: RestoreFacts,
  index: number,
  member: RestoreMember,
  report: RestoreReport,
): RestoreFacts {
  if (report.kind === 'InDoubt') return facts;
  if (report.kind === 'Failed') return fail(facts, failures.reported(report));
  if (member.reached.includes(report.kind)) return facts;
  const reached = [...member.reached, report.kind];
  const blockers = report.kind === 'RestoreReady' ? [...facts.blockers, ...report.blockers] : facts.blockers;
  return { ...facts, blockers, members: facts.members.with(index, { ...member, reached }) };
}

/** A node that is gone: its members are dead, and the attempt fails unless it had succeeded. */
export function foldNodeLost(facts: RestoreFacts, { node }: { readonly node: NodeName }): RestoreFacts {
  if (!facts.members.some((member) => member.node === node && !member.isLost)) return facts;
  const members = facts.members.map((member) =>
    member.node === node ? { ...member, isLost: true } : member,
  );
  return fail({ ...facts, members }, failures.nodeLost(facts.phase, node));
}

export const foldBlockers = (facts: RestoreFacts): RestoreFacts =>
  facts.blockers.length === 0 ? facts : fail(facts, failures.blocked('preflight', facts.blockers));

export const foldOverdue = (facts: RestoreFacts, phase: RestoreDeadline): RestoreFacts =>
  fail(facts, overdue(facts, phase));

export const warnOverdue = (facts: RestoreFacts, phase: RestoreDeadline): RestoreFacts => ({
  ...facts,
  warnings: [...facts.warnings, overdue(facts, phase)],
});

const overdue = (facts: RestoreFacts, phase: RestoreDeadline): Failure =>
  failures.overdue(phase, deadlineMs(facts, phase), awaitedMembers(facts));

const awaitedMembers = ({ members, awaited }: RestoreFacts): MemberId[] =>
  awaited === null ? [] : members.filter((member) => isAwaited(member, awaited)).map(({ member }) => member);

const deadlineMs = ({ limits }: RestoreFacts, name: RestoreDeadline): number => limits[`${name}DeadlineMs`];

export const record = (event: RestoreProgress): RestoreEffect => ({ kind: 'Record', event });
export const setDeadline = (facts: RestoreFacts, name: RestoreDeadline): RestoreEffect => ({
  kind: 'SetDeadline',
  name,
  afterMs: deadlineMs(facts, name),
});

/** Nodes of the members that fit, each once. */
const nodesOf = ({ members }: RestoreFacts, fits: (member: RestoreMember) => boolean): NodeName[] => [
  ...new Set(members.filter((member) => !member.isLost && fits(member)).map(({ node }) => node)),
];

/** The command is the very same for all nodes: a bus can say it to all of them at once. */
function send({ header, order }: RestoreFacts, nodes: readonly NodeName[]): RestoreEffect[] {
  if (order === null) return [];
  const command = { ...header, ...order };
  return nodes.map((node) => ({ kind: 'Send', node, command }));
}

/** Sends the order in force to every node. */
export const sendOrder = (facts: RestoreFacts): RestoreEffect[] =>
  send(
    facts,
    nodesOf(facts, () => true),
  );

/** On a tick: to nodes that have not answered, and to those whose restored members would hear nothing. */
export const resend = (facts: RestoreFacts): RestoreEffect[] => {
  const { awaited } = facts;
  const waits = (member: RestoreMember): boolean =>
    (awaited !== null && isAwaited(member, awaited)) ||
    (member.reached.includes('Restored') && !member.reached.includes('Lifted'));
  return send(facts, nodesOf(facts, waits));
};

/** Members that say that they are in doubt: loudly, for people. */
export const recordDoubts = ({ reports }: RestoreReply): RestoreEffect[] =>
  reports.flatMap(({ kind, member }) =>
    kind === 'InDoubt' ? [record({ kind: 'MemberInDoubt', member })] : [],
  );

export const recordFailure = ({ failure }: RestoreFacts): RestoreEffect[] =>
  failure === null ? [] : [record({ kind: 'Abandoning', failure })];

export const writeOutcome = (facts: RestoreFacts, outcome: RestoreOutcome): RestoreEffect => ({
  kind: 'WriteRestoreOutcome',
  outcome,
  reason: facts.failure?.message ?? 'all members are restored',
});

export const preflightOrder = ({ members, files }: RestoreFacts): RestoreOrder => ({
  kind: 'RestorePreflight',
  members: members.map(({ member, node, addresses }) => ({ member, node, addresses })),
  files,
});

export const abandonOrder = ({ failure }: RestoreFacts): RestoreOrder => ({
  kind: 'Abandon',
  reason: failure?.message ?? 'the attempt was abandoned',
});
