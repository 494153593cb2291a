// One gang in the coordinator's memory: what the ledger has of it, and what is under way. Who changes the ledger
// changes it here afterwards; what follows from it is decided elsewhere.
import type { Clock } from '@stillpoint/clock';
import type { GangId } from '@stillpoint/protocol';
import { gangId } from '@stillpoint/protocol';
import type { GangState } from './api.ts';
import type { EpochRun } from './epoch-driver.ts';
import { Interrupted } from './errors.ts';
import type { Ending, GangRecord, Move } from './records.ts';
import type { RestoreRun } from './restore-driver.ts';
import { isStaged, type StoredEpoch, type StoredGang, type StoredIncarnation } from './stored-gang.ts';
import { GangBusy } from './verb-errors.ts';
import { Changes } from './wait.ts';

export type GangVerb = 'run' | 'restore' | 'migrate' | 'stop' | 'rm';

interface Operation {
  readonly verb: GangVerb;
  readonly controller: AbortController;
  readonly done: Promise<unknown>;
}

/** How one member of the current incarnation ended. */
export interface MemberEnd {
  readonly exitCode: number;
  readonly reason: string;
}

export class Gang {
  readonly id: GangId;
  readonly record: GangRecord;
  readonly changes: Changes;
  /** In the order in which they ended. */
  readonly ends = new Map<number, MemberEnd>();
  /** The epoch that is being made, persisted or given up. */
  epochRun: EpochRun | undefined;
  /** An epoch is about to be opened. */
  isOpeningEpoch = false;
  /** The ledger has not said whether this one is open. */
  unknownEpoch: number | undefined;
  restoreRun: RestoreRun | undefined;
  /** The end of the current incarnation, under way. */
  ending: Promise<Ending> | undefined;
  move: Move | undefined;
  /** Since when its members are compared with what nodes find, by the monotonic clock. */
  watchedSinceMs = 0;
  readonly #clock: Clock;
  #incarnations: readonly StoredIncarnation[];
  #epochs: readonly StoredEpoch[];
  #persistIds = 0;
  readonly #pins = new Map<number, number>();
  #operation: Operation | undefined;

  constructor(stored: StoredGang, clock: Clock) {
    this.changes = new Changes(clock);
    this.#clock = clock;
    this.id = gangId(stored.record.name);
    this.record = stored.record;
    this.#incarnations = stored.incarnations;
    this.#epochs = stored.epochs;
    this.move = stored.move;
  }

  get name(): string {
    return this.record.name;
  }

  /** Oldest first. */
  get incarnations(): readonly StoredIncarnation[] {
    return this.#incarnations;
  }

  /** Oldest first. */
  get epochs(): readonly StoredEpoch[] {
    return this.#epochs;
  }

  /** The latest incarnation; absent until the first one is opened. */
  get current(): StoredIncarnation | undefined {
    return this.#incarnations.at(-1);
  }

  /** All members were let go, and nothing has ended them. */
  get isRunning(): boolean {
    const { current } = this;
    return current?.outcome === 'go' && current.ending === undefined && !current.isEnded;
  }

  /** No member of it can run any more, whatever the coordinator does. */
  get isDead(): boolean {
    const { current } = this;
    return current === undefined || current.isEnded || current.outcome === 'abandon';
  }

  get operation(): GangVerb | undefined {
    return this.#operation?.verb;
  }

  /** Something of it would be lost with its nodes, or is under way there. */
  get needsNodes(): boolean {
    return !this.isDead || this.operation !== undefined || this.unpublished() !== undefined;
  }

  get state(): GangState {
    const { current, operation } = this;
    if (operation === 'stop') return 'stopping';
    if (this.isRunning) return 'running';
    if (operation === 'restore' || operation === 'migrate') return 'restoring';
    if (current === undefined || operation === 'run') return 'starting';
    if (current.outcome === undefined) return current.opened.from === undefined ? 'starting' : 'restoring';
    if (current.outcome === 'go' && !current.isEnded) return 'stopping';
    return current.ending?.state ?? 'failed';
  }

  /** One that nobody else who drives an epoch of this gang has: no other coordinator has this fence. */
  newPersistId(fence: number): string {
    this.#persistIds += 1;
    return `${fence}.${this.#persistIds}`;
  }

  addIncarnation(incarnation: StoredIncarnation): void {
    this.#incarnations = [...this.#incarnations, incarnation];
    this.ends.clear();
    this.ending = undefined;
    this.changes.notify();
  }

  changeCurrent(change: Partial<StoredIncarnation>): void {
    const { current, isRunning } = this;
    if (current === undefined) throw new Error(`${this.name} has no incarnation to change`);
    this.#incarnations = [...this.#incarnations.slice(0, -1), { ...current, ...change }];
    if (!isRunning && this.isRunning) this.watch();
    this.changes.notify();
  }

  /** What nodes found before this moment says nothing of its members. */
  watch(): void {
    this.watchedSinceMs = this.#clock.monotonicMs();
  }

  addEpoch(epoch: StoredEpoch): void {
    this.#epochs = [...this.#epochs, epoch];
    this.changes.notify();
  }

  changeEpoch(epoch: number, change: Partial<StoredEpoch>): void {
    this.#epochs = this.#epochs.map((each) => (each.epoch === epoch ? { ...each, ...change } : each));
    this.changes.notify();
  }

  /** Published epochs that are in the vault, oldest first. */
  published(): number[] {
    return this.#epochs
      .filter(({ closed, isRemoved }) => closed?.result === 'published' && !isRemoved)
      .map(({ epoch }) => epoch);
  }

  /** The newest epoch whose image may be on the gang's nodes alone, and may be published yet. */
  unpublished(): number | undefined {
    return this.epochRun?.epoch ?? this.#epochs.findLast(isStaged)?.epoch;
  }

  /** The newest epoch whose image is on this node, and may be nowhere else. */
  unpublishedOn(name: string): number | undefined {
    const isThere = ({ opened }: StoredEpoch): boolean => opened.members.some(({ node }) => node === name);
    const isUnpublished = (each: StoredEpoch): boolean =>
      isStaged(each) || each.epoch === this.epochRun?.epoch;
    return this.#epochs.findLast((each) => isUnpublished(each) && isThere(each))?.epoch;
  }

  /** There is an image of it, in the vault or on its way there. */
  get isRestorable(): boolean {
    return this.published().length > 0 || this.unpublished() !== undefined;
  }

  /** Epochs that must not be removed now. */
  inUse(): ReadonlySet<number> {
    const open = this.epochRun === undefined ? [] : [this.epochRun.epoch];
    return new Set([...this.#pins.keys(), ...open]);
  }

  /** Keeps an epoch from being removed while it is worked with. */
  async withPinned<Result>(epoch: number, work: () => Promise<Result>): Promise<Result> {
    this.#pins.set(epoch, (this.#pins.get(epoch) ?? 0) + 1);
    try {
      return await work();
    } finally {
      const rest = (this.#pins.get(epoch) ?? 1) - 1;
      if (rest === 0) this.#pins.delete(epoch);
      else this.#pins.set(epoch, rest);
    }
  }

  /**
   * Has the gang for one verb alone. The verb's signal is aborted with the caller's, or by `interrupt`.
   *
   * @throws `SP_GANG_BUSY` at once when another verb has it
   */
  async operate<Result>(
    verb: GangVerb,
    caller: AbortSignal,
    work: (signal: AbortSignal) => Promise<Result>,
  ): Promise<Result> {
    if (this.#operation !== undefined) throw new GangBusy(this.name, this.#operation.verb);
    const controller = new AbortController();
    const result = work(AbortSignal.any([caller, controller.signal]));
    this.#operation = { verb, controller, done: result.catch(() => undefined) };
    this.changes.notify();
    try {
      return await result;
    } finally {
      this.#operation = undefined;
      this.changes.notify();
    }
  }

  /** Ends the verb that has the gang, if one has, and waits until it is over. */
  async interrupt(by: string): Promise<void> {
    const operation = this.#operation;
    if (operation === undefined) return;
    operation.controller.abort(new Interrupted(operation.verb, by));
    await operation.done;
  }
}
