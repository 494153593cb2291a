// The highest numbers that this node ever heard of each gang: what comes from the past changes nothing, also after
// the agent has died and everything it was told is forgotten.
import {
  type EpochCommand,
  type EpochHeader,
  type FencedRequest,
  type GangId,
  type HighestSeen,
  type Incarnation,
  incarnationNumber,
  isClosedEpoch,
  isPastAttempt,
  isPastEpoch,
  type RestoreCommand,
} from '@stillpoint/protocol';
import { PastLeader } from './errors.ts';
import type { SeenStore } from './ports.ts';

/** Orders that are given once the ledger has the attempt as the gang's latest incarnation. */
const afterOpening: ReadonlySet<RestoreCommand['kind']> = new Set(['Prepare', 'Restore', 'Lift']);

export class Fences {
  readonly #store: SeenStore;
  readonly #seen: Map<GangId, HighestSeen>;

  constructor(store: SeenStore) {
    this.#store = store;
    this.#seen = new Map(store.list());
  }

  /** Whether the command counts. It is written down before it is acted on. @throws when that can't be done */
  admitEpoch({ gang, fence, incarnation, epoch }: EpochCommand): boolean {
    const seen = this.#seen.get(gang);
    if (seen !== undefined && isPastEpoch(seen, { fence, incarnation, epoch })) return false;
    this.#note(gang, { ...this.#closedOf(gang, incarnation), fence, incarnation, epoch });
    return true;
  }

  /**
   * The epoch is over here: an order of it that comes late begins nothing anew, also when an agent comes back that has
   * forgotten it.
   *
   * @throws when it can't be written down
   */
  close({ gang, incarnation, epoch }: EpochHeader): void {
    const seen = this.#seen.get(gang);
    if (seen?.incarnation !== incarnation || isClosedEpoch(seen, { incarnation, epoch })) return;
    this.#note(gang, { ...seen, closed: epoch });
  }

  isClosed({ gang, incarnation, epoch }: EpochHeader): boolean {
    const seen = this.#seen.get(gang);
    return seen !== undefined && isClosedEpoch(seen, { incarnation, epoch });
  }

  /** Whether the command is of the latest leader that was heard of, or of a later one. */
  isOfLeader({ gang, fence }: EpochCommand): boolean {
    return fence >= (this.#seen.get(gang)?.fence ?? fence);
  }

  /**
   * Whether a request counts that changes something. A leader is known from the first of its requests: one before it
   * takes a gang that it never heard of for a stray.
   *
   * @throws `SP_PAST_LEADER`, or when it can't be written down
   */
  admitRequest({ gang, fence, kind }: FencedRequest): void {
    const seen = this.#seen.get(gang);
    if (seen !== undefined && fence < seen.fence) throw new PastLeader(kind, gang, fence, seen.fence);
    this.#note(gang, { incarnation: incarnationNumber(0), epoch: null, ...seen, fence });
  }

  /** The same for a restore. What is to be abandoned may be of the past; until it is opened, an attempt is no news. */
  admitRestore(command: RestoreCommand): boolean {
    const { gang, fence, incarnation, kind } = command;
    const seen = this.#seen.get(gang);
    const known = {
      fence,
      incarnation: kind === 'Abandon' && seen !== undefined ? seen.incarnation : incarnation,
    };
    if (seen !== undefined && isPastAttempt(seen, known)) return false;
    if (afterOpening.has(kind)) {
      const epoch = seen?.incarnation === incarnation ? seen.epoch : null;
      this.#note(gang, { ...this.#closedOf(gang, incarnation), fence, incarnation, epoch });
    } else if (seen !== undefined) {
      this.#note(gang, { ...seen, fence });
    }
    return true;
  }

  /** What was closed of an incarnation says nothing of the next one. */
  #closedOf(gang: GangId, incarnation: Incarnation): Pick<HighestSeen, 'closed'> {
    const seen = this.#seen.get(gang);
    return seen?.incarnation === incarnation && seen.closed !== undefined ? { closed: seen.closed } : {};
  }

  #note(gang: GangId, numbers: HighestSeen): void {
    const seen = this.#seen.get(gang);
    const isKnown =
      seen?.fence === numbers.fence &&
      seen.incarnation === numbers.incarnation &&
      seen.epoch === numbers.epoch &&
      seen.closed === numbers.closed;
    if (isKnown) return;
    this.#store.keep(gang, numbers);
    this.#seen.set(gang, numbers);
  }
}
