// Which messages come from the past. A machine knows its own epoch or attempt; an agent knows the highest of a gang.
import type { Epoch, Fence, Incarnation } from './ids.ts';

/** The highest numbers that were ever heard of a gang; an agent keeps them durably, from before it acts on them. */
export interface HighestSeen {
  readonly fence: Fence;
  readonly incarnation: Incarnation;
  /** The highest epoch of that incarnation; null while none was heard of. */
  readonly epoch: Epoch | null;
  /** The highest epoch of that incarnation that is over on the node: no member begins anew in it. Absent while none is. */
  readonly closed?: Epoch;
}

interface Numbers {
  readonly fence: Fence;
  readonly incarnation: Incarnation;
  readonly epoch: Epoch;
}

/** Whether an epoch's command changes nothing: of a past leader, a past incarnation, or a past epoch. */
export const isPastEpoch = (seen: HighestSeen, { fence, incarnation, epoch }: Numbers): boolean =>
  isPastAttempt(seen, { fence, incarnation }) ||
  (incarnation === seen.incarnation && seen.epoch !== null && epoch < seen.epoch);

/** Whether the epoch is over on the node, though its number is not of the past yet. */
export const isClosedEpoch = (
  { incarnation, closed }: HighestSeen,
  epoch: Pick<Numbers, 'incarnation' | 'epoch'>,
): boolean => incarnation === epoch.incarnation && closed !== undefined && epoch.epoch <= closed;

/** Whether a restore's command changes nothing: of a past leader or a past attempt. It may restore any epoch. */
export const isPastAttempt = (seen: HighestSeen, numbers: Pick<Numbers, 'fence' | 'incarnation'>): boolean =>
  numbers.fence < seen.fence || numbers.incarnation < seen.incarnation;
