// The ledger of an explored epoch, and what must hold of the members when it decides.
import {
  type Decision,
  epochNumber,
  fenceNumber,
  gangId,
  incarnationNumber,
  ledgerKeys,
  openEpoch,
  type Outcome,
} from '@stillpoint/protocol';
import { type EpochKernel, hasImage } from './epoch-kernel.ts';
import { type LedgerState, transact } from './ledger.ts';
import type { Draft, Shared } from './state.ts';
import { expects } from './violation.ts';

export const gang = gangId('mnist');
export const incarnation = incarnationNumber(1);
export const epoch = epochNumber(7);
export const firstFence = 3;

export const openedLedger = (): LedgerState => {
  const before = {
    [ledgerKeys.fence]: firstFence,
    [ledgerKeys.incarnation(gang)]: incarnation,
    [ledgerKeys.epochMark(gang)]: 6,
  };
  const fence = fenceNumber(firstFence);
  const opened = transact(
    before,
    openEpoch({ gang, fence, incarnation, epoch, mark: epochNumber(6), record: null }),
  );
  expects(opened !== undefined, 'the epoch can be opened');
  return opened;
};

export function decisionOf({ ledger }: Shared): Decision | null {
  if (ledger[ledgerKeys.commit(gang, epoch)] !== undefined) return 'commit';
  return ledger[ledgerKeys.abort(gang, epoch)] === undefined ? null : 'abort';
}

/** Invariant 1: one instant at which all were held lies in each member's hold, before its image. */
export function checkCut(kernels: readonly EpochKernel[], outcome: Outcome): void {
  kernels.forEach(({ hasVoted, isOfCut, image, wasEarly, wasReleased }, member) => {
    expects(hasVoted && image !== 'none', `member ${member} has voted before the commit`);
    expects(isOfCut && image !== 'bad', `the image of member ${member} is of an instant when all were held`);
    expects(!wasEarly, `member ${member} was not released before all had noted`);
    const isBound = outcome === 'stop';
    expects(!(isBound && wasReleased), `member ${member} was not released before a stop was committed`);
  });
}

/** Images of a committed epoch go only when they are in the vault, or when it is lost for another reason. */
export function checkForget({ shared, leader, kernels }: Draft<EpochKernel>, member: number): void {
  const isNeeded = decisionOf(shared) === 'commit' && !shared.hasManifest;
  const isLost =
    shared.closed === 'lost' ||
    leader?.asks.includes('close-lost') === true ||
    kernels.some((kernel) => !hasImage(kernel) && !kernel.isStored);
  expects(!isNeeded || isLost, `the image of member ${member} is kept until it is published`);
}
