// The ledger of a simulated world: one store, and a client of it in each process. It can be away or slow, and an
// answer can be lost though the transaction took effect. What it holds is watched: some keys may only grow, some are
// written once.
import {
  type Compare,
  type Condition,
  type Entry,
  type JsonValue,
  type Ledger,
  type LedgerCall,
  type LedgerEvent,
  ledgerLimits,
  LedgerUnavailableError,
  type Listing,
  type Transaction,
  type TransactionResult,
} from '@stillpoint/ledger';
import type { Engine } from './engine.ts';
import type { Network } from './network.ts';
import type { SimulatedProcess } from './process.ts';
import type { Random } from './random.ts';

export const ledgerHost = 'ledger';

export interface LedgerFaults {
  /** Chance that an answer is lost. */
  readonly lostAnswer: number;
  /** Chance of a call that takes seconds, or takes effect after it was given up. */
  readonly slowness: number;
}

type Watcher = (put: Transaction) => void;

export class SimulatedLedger {
  readonly #engine: Engine;
  readonly #network: Network;
  readonly #random: Random;
  readonly #faults: LedgerFaults;
  readonly #entries = new Map<string, Entry>();
  readonly #watchers = new Set<Watcher>();
  #revision = 0;
  /** It answers nobody. */
  isAway = false;
  /** It does what it is asked, and answers nobody. */
  isMute = false;
  isFaulty = true;
  /** Called before a transaction takes effect. */
  onWrite: (key: string, before: JsonValue | undefined, after: JsonValue | undefined) => void = () =>
    undefined;

  constructor(engine: Engine, network: Network, random: Random, faults: LedgerFaults) {
    this.#engine = engine;
    this.#network = network;
    this.#random = random;
    this.#faults = faults;
  }

  /** What stands there, without asking. */
  peek(key: string): JsonValue | undefined {
    return this.#entries.get(key)?.value;
  }

  connect(process: SimulatedProcess): Ledger {
    return {
      transact: (transaction, call) => this.#call(process, () => this.#transact(transaction), call),
      get: (key, call) => this.#call(process, () => this.#entries.get(key), call),
      list: (prefix, call) => this.#call(process, () => this.#list(prefix), call),
      watch: (prefix, callback, call) =>
        this.#call(process, () => this.#watch(process, prefix, callback), call),
      close: () => Promise.resolve(),
    };
  }

  /** The work is done at the store, or not; the answer arrives, or not: a silent store is given up after a while. */
  #call<Answer>(process: SimulatedProcess, work: () => Answer, call: LedgerCall = {}): Promise<Answer> {
    const answered = Promise.withResolvers<Answer>();
    const deadlineMs = call.deadlineMs ?? ledgerLimits.callDeadlineMs;
    const forget = process.clock.after(deadlineMs, () => answered.reject(silence(deadlineMs)));
    const isSlow = this.#strikes(this.#faults.slowness);
    // longer than anybody waits: then it takes effect after it was given up
    const onTheWay = (): number => this.#random.next() * (isSlow ? 20_000 : 4);
    const canReach = (): boolean =>
      this.#network.canReach(process.host, ledgerHost) && this.#network.canReach(ledgerHost, process.host);
    this.#engine.after(onTheWay(), () => {
      const isHeard = !this.isAway && this.#network.canReach(process.host, ledgerHost);
      // one that goes away may have taken it just before
      if (!isHeard && !(this.isAway && this.#random.chance(0.2))) return;
      const answer = work();
      const isLost = !isHeard || this.isMute || this.#strikes(this.#faults.lostAnswer);
      if (isLost) return;
      this.#engine.after(onTheWay(), () => {
        if (!canReach()) return;
        process.enter(() => {
          forget();
          answered.resolve(answer);
        });
      });
    });
    return answered.promise;
  }

  #transact({ compare, put, remove = [] }: Transaction): TransactionResult {
    if (!compare.every((each) => this.#holds(each))) {
      return { ok: false, revision: this.#revision, found: compare.map(({ key }) => this.#entries.get(key)) };
    }
    for (const { key, value } of put) this.onWrite(key, this.peek(key), value);
    for (const key of remove) this.onWrite(key, this.peek(key), undefined);
    this.#revision += 1;
    for (const { key, value } of put) {
      const createRevision = this.#entries.get(key)?.createRevision ?? this.#revision;
      this.#entries.set(key, { key, value, createRevision, modRevision: this.#revision });
    }
    for (const key of remove) this.#entries.delete(key);
    for (const watcher of this.#watchers) watcher({ compare, put, remove });
    return { ok: true, revision: this.#revision };
  }

  #holds({ key, is }: Compare): boolean {
    return fits(this.#entries.get(key), is);
  }

  #list(prefix: string): Listing {
    const entries = [...this.#entries.values()]
      .filter(({ key }) => key.startsWith(prefix))
      .toSorted((a, b) => (a.key < b.key ? -1 : 1));
    return { revision: this.#revision, entries };
  }

  #watch(process: SimulatedProcess, prefix: string, callback: (event: LedgerEvent) => void): () => void {
    const watcher: Watcher = ({ put, remove = [] }) => {
      const events: LedgerEvent[] = [
        ...put.flatMap(({ key }) => {
          const entry = this.#entries.get(key);
          return entry === undefined ? [] : [{ kind: 'put' as const, entry }];
        }),
        ...remove.map((key) => ({ kind: 'removed' as const, key, revision: this.#revision })),
      ];
      const own = events.filter((event) => keyOf(event).startsWith(prefix));
      if (own.length === 0) return;
      this.#engine.after(1, () => process.enter(() => own.forEach(callback)));
    };
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  #strikes(probability: number): boolean {
    return this.isFaulty && this.#random.chance(probability);
  }
}

function fits(entry: Entry | undefined, is: Condition): boolean {
  if (is === 'absent') return entry === undefined;
  if (is === 'present') return entry !== undefined;
  if (entry === undefined) return false;
  return 'equals' in is
    ? canonical(entry.value) === canonical(is.equals)
    : entry.modRevision === is.modRevision;
}

/** JSON with the keys of every object in one order. */
function canonical(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonical(inner)}`).join(',')}}`;
}

const keyOf = (event: LedgerEvent): string =>
  event.kind === 'put' ? event.entry.key : event.kind === 'removed' ? event.key : '';

const silence = (deadlineMs: number): LedgerUnavailableError =>
  new LedgerUnavailableError(`the ledger did not answer within ${deadlineMs} ms`, {
    remedy: 'Wait until it is back.',
    retryable: true,
  });
