// One member of this node in one epoch: what its service keeps of it, and how it begins.
import {
  type EpochCommand,
  type EpochHeader,
  type MemberEffect,
  memberEpochLimits,
  type MemberEpochState,
  type MemberEvent,
  memberId,
  type MemberReport,
  type MemberStep,
  type MemberStepResult,
  type HoldId,
  startMemberEpoch,
  type Step,
} from '@stillpoint/protocol';
import type { MachinePart } from './machine-part.ts';
import type { Stepper } from './ports.ts';
import type { SlotOwner } from './sandbox-record.ts';

export interface EpochPart<Place extends SlotOwner = SlotOwner> {
  readonly machine: MachinePart<MemberEpochState, MemberEvent, MemberEffect>;
  readonly place: Place;
  readonly steps: Stepper<MemberStep, MemberStepResult>;
  reports: readonly MemberReport[];
  /** Nothing of it is left, and that was said. */
  isClosed: boolean;
}

export const keyOf = (gang: string, epoch: number, member: number): string => `${gang}.${epoch}.${member}`;
export const headerOf = (part: EpochPart): EpochHeader => part.machine.state.context.header;

/** Whether it is a part of this epoch, whoever leads it. */
export function isOf(part: EpochPart, { gang, epoch }: Pick<EpochHeader, 'gang' | 'epoch'>): boolean {
  const header = headerOf(part);
  return header.gang === gang && header.epoch === epoch;
}

/** The member's first step in the epoch, whose first command this is. */
export function beginEpoch(
  { member }: SlotOwner,
  command: EpochCommand,
  hold: HoldId,
): Step<MemberEpochState, MemberEffect> {
  const { gang, incarnation, epoch, fence } = command;
  const policy =
    command.kind === 'Preflight'
      ? { outcome: command.outcome, outside: command.outside, files: command.files }
      : { outcome: 'resume' as const, outside: 'refuse' as const, files: 'refuse' as const };
  return startMemberEpoch({
    header: { gang, incarnation, epoch, fence },
    member: memberId(member),
    ...policy,
    holdId: hold,
    limits: memberEpochLimits,
  });
}
