// Which states of the machines of a restore attempt are one, because nothing that they ever do tells them apart. The
// explorer checks that they do the same. Pure.
import {
  type MemberRestoreEvent,
  type MemberRestoreState,
  type RestoreEvent,
  type RestoreState,
  stepMemberRestore,
  stepRestoreAttempt,
} from '@stillpoint/protocol';
import type { AnyKinded, AnyState, MachineRules } from './machine.ts';

const ends: ReadonlySet<unknown> = new Set([
  'running',
  'refused',
  'abandoned',
  'ended',
  'unproved',
  'undecided',
]);
/** The order in which a member takes its steps: what was reached is a set. */
const sorted = <Word extends string>(words: readonly Word[]): Word[] => words.toSorted();

function mergeLeader({ value, context }: RestoreState): RestoreState {
  const members = context.members.map((member) => ({ ...member, reached: sorted(member.reached) }));
  return { value, context: { ...context, members: ends.has(value) ? [] : members } };
}

function mergeMember({ value, context }: MemberRestoreState): MemberRestoreState {
  const isOver = context.burned;
  const ordered = context.ordered.filter((kind) => !isOver && kind !== 'Abandon' && kind !== 'Lift');
  return {
    value,
    context: { ...context, ordered: sorted(ordered), deadManMs: isOver ? 0 : context.deadManMs },
  };
}

export const restoreRules: MachineRules = {
  step: (state, event) => stepRestoreAttempt(state as RestoreState, event as RestoreEvent),
  merge: (state) => mergeLeader(state as RestoreState),
};

export const memberRestoreRules: MachineRules = {
  step: (state, event) => stepMemberRestore(state as MemberRestoreState, event as MemberRestoreEvent),
  merge: (state) => mergeMember(state as MemberRestoreState),
};

/** Steps that were reached stay so. */
export function isTakenByLeader(leader: AnyState, reports: readonly AnyKinded[]): boolean {
  const { members } = (leader as RestoreState).context;
  return reports.every((report) =>
    members.some(
      ({ member, reached }) =>
        member === (report as { member?: number }).member && reached.some((step) => step === report.kind),
    ),
  );
}
