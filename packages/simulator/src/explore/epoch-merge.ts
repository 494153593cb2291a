// Which states of the machines of an epoch are one, because nothing that they ever do tells them apart. The explorer
// checks that they do the same. Pure.
import type {
  GangEpochState,
  GangEvent,
  MemberEpochState,
  MemberEvent,
  MemberReport,
} from '@stillpoint/protocol';
import { stepGangEpoch, stepMemberEpoch } from '@stillpoint/protocol';
import type { AnyKinded, AnyState, MachineRules } from './machine.ts';

/** As the leader's machine keeps which steps a member has taken. */
const steps: readonly string[] = [
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
  'Persisted',
  'Forgotten',
];
const bitOf = (step: string): number => (steps.includes(step) ? 2 ** steps.indexOf(step) : 0);

/** In an epoch that is given up nobody asks how far a member had come, except for its hold. */
const pastBits = bitOf('Ready') | bitOf('Noted') | bitOf('Dumped');

const ends: ReadonlySet<unknown> = new Set([
  'published',
  'committed-stopped',
  'aborted',
  'lost',
  'undecided',
]);

function mergeLeader({ value, context }: GangEpochState): GangEpochState {
  // nothing comes after the end
  if (ends.has(value)) return { value, context: { ...context, members: [] } };
  if (value !== 'aborting' && context.decision !== 'abort') return { value, context };
  const members = context.members.map((member) => ({
    ...member,
    reached: member.reached | pastBits,
    vote: null,
    holdBudgetMs: null,
    holdId: null,
    room: null,
  }));
  return { value, context: { ...context, members, blockers: [] } };
}

/** Orders that are never looked up. */
const never: ReadonlySet<string> = new Set(['Decided', 'AllReleased']);
/** Orders and steps of the cut: nobody asks for them once it is over, or was given up. */
const cutOrders: ReadonlySet<string> = new Set(['Preflight', 'Freeze', 'Hold', 'Dump', 'AllNoted']);
const cutSteps: ReadonlySet<string> = new Set(['preflight', 'freeze', 'hold', 'note', 'dump']);

function mergeMember({ value, context }: MemberEpochState): MemberEpochState {
  const { burned, deadManMs, persistId } = context;
  const isOver = burned || (typeof value === 'object' && 'after' in value);
  const ordered = context.ordered.filter(
    (kind) => !never.has(kind) && !(isOver && cutOrders.has(kind)) && !(burned && kind === 'Persist'),
  );
  return {
    value,
    context: {
      ...context,
      ordered: ordered.toSorted(),
      done: isOver ? context.done.filter((step) => !cutSteps.has(step)) : context.done,
      deadManMs: isOver ? 0 : deadManMs,
      persistId: burned ? null : persistId,
    },
  };
}

export const gangRules: MachineRules = {
  step: (state, event) => stepGangEpoch(state as GangEpochState, event as GangEvent),
  merge: (state) => mergeLeader(state as GangEpochState),
};

export const memberRules: MachineRules = {
  step: (state, event) => stepMemberEpoch(state as MemberEpochState, event as MemberEvent),
  merge: (state) => mergeMember(state as MemberEpochState),
};

/** Steps that were reached stay so; failures are forgotten by a commit, and silence is read anew each time. */
export function isTakenByLeader(leader: AnyState, reports: readonly AnyKinded[]): boolean {
  const { members } = (leader as GangEpochState).context;
  if (members.length === 0) return true;
  return (
    reports.length > 0 &&
    reports.every((each) => {
      const report = each as MemberReport;
      const isSecond = report.kind === 'Surveyed' && report.round === 2;
      const bit = bitOf(isSecond ? 'Resurveyed' : report.kind);
      return members.some(({ member, reached }) => member === report.member && (reached & bit) !== 0);
    })
  );
}
