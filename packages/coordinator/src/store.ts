// Everything that the coordinator reads from the ledger and writes to it: keys and transactions are here and in the
// protocol, nowhere else. A coordinator that is not the leader any more changes nothing.
import type { Entry, Ledger, LedgerCall } from '@stillpoint/ledger';
import {
  askDecision,
  askOutcome,
  closeEpoch,
  type Decision,
  type Epoch,
  epochNumber,
  type Fence,
  type GangEpochInput,
  type GangId,
  gangId,
  type Incarnation,
  incarnationNumber,
  ledgerKeys,
  openEpoch,
  openIncarnation,
  type Predecessor,
  type RestoreOutcome,
  writeDecision,
  writeEnded,
  writeOutcome,
} from '@stillpoint/protocol';
import { GangNameInUse } from './verb-errors.ts';
import { limits } from './limits.ts';
import { LeaderLedger } from './leader-ledger.ts';
import {
  type Ending,
  endingSchema,
  type EpochOpened,
  type EpochReport,
  type GangRecord,
  type IncarnationOpened,
  type Move,
  type NodeRecord,
  nodeRecordSchema,
} from './records.ts';
import { ownKeys, type StoredGang, storedGangs } from './stored-gang.ts';
import { UndoLog } from './undo-log.ts';

export class Store {
  readonly #ledger: LeaderLedger;
  readonly undo: UndoLog;

  private constructor(ledger: LeaderLedger) {
    this.#ledger = ledger;
    this.undo = new UndoLog(ledger);
  }

  /** Becomes the leader: whoever was it before can't write any more. `onLost`: another is seen to lead. */
  static async open(ledger: Ledger, onLost: (error: Error) => void): Promise<Store> {
    return new Store(await LeaderLedger.open(ledger, onLost));
  }

  get fence(): Fence {
    return this.#ledger.fence;
  }

  async listNodes(): Promise<NodeRecord[]> {
    const { entries } = await this.#ledger.list(ownKeys.nodes);
    return entries.map(({ value }) => nodeRecordSchema.parse(value));
  }

  async putNode(record: NodeRecord): Promise<void> {
    await this.#ledger.write('write a node', [{ key: ownKeys.node(record.name), value: record }]);
  }

  /** All gangs, with all that the ledger has of them. Removals that did not end are ended. */
  async listGangs(): Promise<StoredGang[]> {
    const { gangs, remains } = storedGangs(await this.#ledger.listInTurn(ownKeys.gangs, ownKeys.givenUp));
    for (const gang of remains) await this.removeGang(gang);
    return gangs;
  }

  async readGang(gang: string): Promise<StoredGang | undefined> {
    return storedGangs(await this.#listGang(gang)).gangs[0];
  }

  #listGang(gang: string): Promise<Entry[]> {
    return this.#ledger.listInTurn(ledgerKeys.gang(gangId(gang)), ledgerKeys.givenUp(gangId(gang)));
  }

  /** @throws `SP_GANG_NAME_IN_USE` */
  async createGang(record: GangRecord): Promise<void> {
    const key = ownKeys.spec(record.name);
    const result = await this.#ledger.transact(
      { compare: [{ key, is: 'absent' }], put: [{ key, value: record }] },
      { spareBytes: limits.beginSpareBytes },
    );
    if (!result.ok) throw new GangNameInUse(record.name, false);
  }

  /** Forgets a gang; what makes its numbers grow for ever stays. The first write decides, the rest only tidies up. */
  async removeGang(gang: string): Promise<void> {
    await this.#ledger.write('remove a gang', [], [ownKeys.spec(gang)]);
    const entries = await this.#listGang(gang);
    const latest = entries.find(({ key }) => key === ledgerKeys.incarnation(gangId(gang)))?.value;
    const kept = ownKeys.keptAfterRemoval(gang, typeof latest === 'number' ? latest : undefined);
    const keys = entries.map(({ key }) => key).filter((key) => !kept.has(key));
    await this.#ledger.removeAll('remove a gang', keys);
  }

  /** The gang's latest incarnation, also of a gang of the same name that was removed. */
  async latestIncarnation(gang: GangId): Promise<Incarnation | null> {
    const entry = await this.#ledger.get(ledgerKeys.incarnation(gang));
    return entry === undefined ? null : incarnationNumber(Number(entry.value));
  }

  /** The number of an incarnation that is about to be made: before anything is touched, there is room for its end. */
  beginIncarnation(gang: GangId): Promise<Incarnation> {
    return this.nextIncarnation(gang, { spareBytes: limits.incarnationSpareBytes });
  }

  /** A number that no incarnation was ever given. */
  async nextIncarnation(gang: GangId, call?: LedgerCall): Promise<Incarnation> {
    const key = ownKeys.incarnationMark(gang);
    const mark = Number((await this.#ledger.get(key))?.value ?? 0);
    const value = Math.max(mark, (await this.latestIncarnation(gang)) ?? 0) + 1;
    await this.#ledger.write('number an incarnation', [{ key, value }], [], call);
    return incarnationNumber(value);
  }

  /**
   * Opens an incarnation above the latest one, whose members must all be dead or never have run.
   *
   * @returns why the ledger forbids it, or undefined when it is open (also when it was so before, by this fence)
   */
  async openIncarnation(
    gang: GangId,
    incarnation: Incarnation,
    opened: IncarnationOpened,
  ): Promise<string | undefined> {
    const record = { ...opened, fence: this.fence };
    const key = ledgerKeys.opened(gang, incarnation);
    const present = await this.#ledger.get(key);
    if (present !== undefined) {
      const isOurs = (present.value as { fence?: unknown }).fence === this.fence;
      return isOurs ? undefined : `incarnation ${incarnation} was opened by another coordinator`;
    }
    const past = await this.latestIncarnation(gang);
    const predecessor = await this.#predecessor(gang, past);
    if (predecessor === undefined) return `members of incarnation ${past} may still run`;
    const open = await this.#ledger.get(ledgerKeys.openEpoch(gang));
    const epoch = open === undefined ? null : epochNumber(Number(open.value));
    const decision = epoch === null ? undefined : await this.#ledger.ask(askDecision(gang, epoch));
    const result = await this.#ledger.transact(
      openIncarnation({
        gang,
        fence: this.fence,
        incarnation,
        predecessor,
        openEpoch: epoch === null ? null : { epoch, decision },
        record: record as never,
      }),
    );
    return result.ok ? undefined : 'the gang has changed meanwhile';
  }

  async #predecessor(gang: GangId, past: Incarnation | null): Promise<Predecessor | undefined> {
    if (past === null) return { kind: 'None' };
    const outcome = await this.#ledger.ask(askOutcome(gang, past));
    if (outcome === 'abandon') return { kind: 'Abandoned', incarnation: past };
    const ended = await this.#ledger.get(ledgerKeys.ended(gang, past));
    return ended === undefined ? undefined : { kind: 'Ended', incarnation: past };
  }

  /** Decides an incarnation, unless it is. @returns the outcome that stands */
  async decideIncarnation(
    gang: GangId,
    incarnation: Incarnation,
    outcome: RestoreOutcome,
    reason: string,
  ): Promise<RestoreOutcome> {
    const transaction = writeOutcome({ gang, incarnation, outcome, reason, fence: this.fence });
    return this.#ledger.decide(outcome, transaction, askOutcome(gang, incarnation));
  }

  /** All members run: from now on they are only watched. */
  async markRunning(gang: string, incarnation: number): Promise<void> {
    await this.#ledger.write('mark a gang as running', [
      { key: ownKeys.running(gang, incarnation), value: true },
    ]);
  }

  /** Says how an incarnation is about to end, unless that was said before. @returns the word that stands */
  async putEnding(gang: string, incarnation: number, ending: Ending): Promise<Ending> {
    const key = ownKeys.ending(gang, incarnation);
    const result = await this.#ledger.transact({
      compare: [{ key, is: 'absent' }],
      put: [{ key, value: ending }],
    });
    return result.ok ? ending : endingSchema.parse((await this.#ledger.require(key)).value);
  }

  /** Every member of the incarnation is dead, by the word of its nodes. */
  async markEnded(gang: GangId, incarnation: Incarnation, proof: string): Promise<void> {
    const result = await this.#ledger.transact(writeEnded(gang, this.fence, incarnation, proof));
    if (!result.ok) await this.#ledger.require(ledgerKeys.ended(gang, incarnation));
  }

  /** The number of the gang's next epoch. */
  async nextEpoch(gang: GangId): Promise<{ readonly epoch: Epoch; readonly mark: Epoch | null }> {
    const entry = await this.#ledger.get(ledgerKeys.epochMark(gang));
    const mark = entry === undefined ? null : epochNumber(Number(entry.value));
    return { epoch: epochNumber((mark ?? 0) + 1), mark };
  }

  /** @returns whether it is open, also when it was so before: not when the gang has changed since `mark` was read */
  async openEpoch(input: GangEpochInput, mark: Epoch | null, opened: EpochOpened): Promise<boolean> {
    const { gang, incarnation, epoch } = input.header;
    const record = opened as never;
    const result = await this.#ledger.transact(
      openEpoch({ gang, fence: this.fence, incarnation, epoch, mark, record }),
      { spareBytes: limits.beginSpareBytes },
    );
    if (result.ok) return true;
    // the answer to an earlier call may have been lost: nobody but the leader opens one
    return (await this.#ledger.get(ledgerKeys.openEpoch(gang)))?.value === epoch;
  }

  /** Decides an epoch, unless it is. @returns the decision that stands */
  async decideEpoch(gang: GangId, epoch: Epoch, decision: Decision, reason: string): Promise<Decision> {
    const transaction = writeDecision({ gang, epoch, decision, reason, fence: this.fence });
    return this.#ledger.decide(decision, transaction, askDecision(gang, epoch));
  }

  async closeEpoch(gang: GangId, epoch: Epoch, report: EpochReport): Promise<void> {
    const decision = await this.#ledger.requireWord(askDecision(gang, epoch));
    const transaction = closeEpoch({ gang, fence: this.fence, epoch, decision, record: report as never });
    const result = await this.#ledger.transact(transaction);
    if (result.ok) return;
    // one that was closed before, by another coordinator or with its image still in staging, says the latest
    await this.#ledger.require(ledgerKeys.closed(gang, epoch));
    await this.#ledger.write('close an epoch', [{ key: ledgerKeys.closed(gang, epoch), value: report }]);
  }

  /** The epoch is about to go from the vault. */
  async markRemoved(gang: string, epoch: number): Promise<void> {
    await this.#ledger.write('remove an epoch', [{ key: ownKeys.removed(gang, epoch), value: true }]);
  }

  /** The gang is on its way to other nodes: finished by whoever leads. */
  async putMove(gang: string, move: Move | undefined): Promise<void> {
    const key = ownKeys.move(gang);
    if (move === undefined) await this.#ledger.write('end a migration', [], [key]);
    else await this.#ledger.write('note a migration', [{ key, value: move }]);
  }
}
