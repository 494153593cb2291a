// What the protocol's machine of an epoch is given, from what the ledger has of it. Pure.
import {
  epochNumber,
  fenceNumber,
  gangEpochLimits,
  type GangEpochInput,
  gangId,
  type HookDeadlines,
  incarnationNumber,
  memberId,
  nodeName,
} from '@stillpoint/protocol';
import type { EpochOpened } from './records.ts';

export function epochInput(
  { header, outcome, outside, files, members }: EpochOpened,
  persistId: string,
  hooks: HookDeadlines,
): GangEpochInput {
  const { gang, incarnation, epoch, fence } = header;
  return {
    header: {
      gang: gangId(gang),
      incarnation: incarnationNumber(incarnation),
      epoch: epochNumber(epoch),
      fence: fenceNumber(fence),
    },
    outcome,
    outside,
    files,
    members: members.map(({ member, node }) => ({ member: memberId(member), node: nodeName(node) })),
    persistId,
    limits: gangEpochLimits,
    hooks,
  };
}
