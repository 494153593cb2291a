// A gang as the ledger has it, put together from its keys. Pure.
import type { Entry } from '@stillpoint/ledger';
import {
  askDecision,
  askOutcome,
  epochNumber,
  gangId,
  type Incarnation,
  incarnationNumber,
  ledgerKeys,
  type LedgerQuestion,
} from '@stillpoint/protocol';
import {
  type Ending,
  endingSchema,
  type EpochOpened,
  epochOpenedSchema,
  type EpochReport,
  epochReportSchema,
  type GangRecord,
  gangRecordSchema,
  type IncarnationOpened,
  incarnationOpenedSchema,
  type Move,
  moveSchema,
} from './records.ts';

/** Keys that only the coordinator knows, beside the protocol's. */
export const ownKeys = {
  nodes: 'nodes/',
  node: (name: string): string => `nodes/${name}`,
  gangs: 'gangs/',
  givenUp: 'given-up/',
  /** What the gang is. A gang without it does not exist (any more). */
  spec: (gang: string): string => `gangs/${gang}/spec`,
  /** The highest number that an incarnation was ever given, opened or not: agents remember attempts that were refused. */
  incarnationMark: (gang: string): string => `gangs/${gang}/incarnation-mark`,
  running: (gang: string, incarnation: number): string => `gangs/${gang}/incarnations/${incarnation}/running`,
  ending: (gang: string, incarnation: number): string => `gangs/${gang}/incarnations/${incarnation}/ending`,
  removed: (gang: string, epoch: number): string => `gangs/${gang}/epochs/${epoch}/removed`,
  move: (gang: string): string => `gangs/${gang}/move`,
  undo: (gang: string): string => `gangs/${gang}/undo/`,
  /** Numbers have a fixed width: keys are listed in their order. */
  undoRecord: (gang: string, number: number): string =>
    `gangs/${gang}/undo/${String(number).padStart(10, '0')}`,
  /** What stays of a gang that is removed: its numbers, and that its last incarnation is over. */
  keptAfterRemoval: (gang: string, latest: number | undefined): ReadonlySet<string> => {
    const id = gangId(gang);
    const last = latest === undefined ? undefined : incarnationNumber(latest);
    return new Set([
      ledgerKeys.epochMark(id),
      ledgerKeys.incarnation(id),
      ownKeys.incarnationMark(gang),
      ...(last === undefined
        ? []
        : [ledgerKeys.go(id, last), ledgerKeys.abandon(id, last), ledgerKeys.ended(id, last)]),
    ]);
  },
} as const;

export interface StoredIncarnation {
  readonly incarnation: Incarnation;
  readonly opened: IncarnationOpened;
  readonly outcome?: 'go' | 'abandon';
  readonly isRunning: boolean;
  readonly ending?: Ending;
  readonly isEnded: boolean;
}

export interface StoredEpoch {
  readonly epoch: number;
  readonly opened: EpochOpened;
  readonly decision?: 'commit' | 'abort';
  readonly closed?: EpochReport;
  readonly isRemoved: boolean;
}

/** Committed and stopped, and in staging only. */
export const isStaged = ({ closed, isRemoved }: StoredEpoch): boolean =>
  closed?.result === 'committed-stopped' && !isRemoved;

/** It may be published yet: what there is of it is needed. */
export const isInFlight = (epoch: StoredEpoch): boolean => epoch.closed === undefined || isStaged(epoch);

export interface StoredGang {
  readonly record: GangRecord;
  /** Oldest first. */
  readonly incarnations: readonly StoredIncarnation[];
  /** Oldest first. */
  readonly epochs: readonly StoredEpoch[];
  readonly move?: Move;
}

export interface StoredGangs {
  readonly gangs: StoredGang[];
  /** Gangs that were being removed. */
  readonly remains: string[];
}

/** @param entries all keys of these gangs */
export function storedGangs(entries: readonly Entry[]): StoredGangs {
  const byGang = Map.groupBy(entries, ({ key }) => key.split('/')[1] ?? '');
  const gangs: StoredGang[] = [];
  const remains: string[] = [];
  for (const [name, own] of byGang) {
    const values = new Map(own.map(({ key, value }) => [key, value as unknown]));
    const spec = values.get(ownKeys.spec(name));
    if (spec !== undefined) gangs.push(storedGang(name, gangRecordSchema.parse(spec), values));
    else if (hasRemains(name, values)) remains.push(name);
  }
  return { gangs, remains };
}

function hasRemains(name: string, values: ReadonlyMap<string, unknown>): boolean {
  const latest = values.get(ledgerKeys.incarnation(gangId(name)));
  const kept = ownKeys.keptAfterRemoval(name, typeof latest === 'number' ? latest : undefined);
  return [...values.keys()].some((key) => !kept.has(key));
}

function storedGang(name: string, record: GangRecord, values: ReadonlyMap<string, unknown>): StoredGang {
  const numbersOf = (kind: 'incarnations' | 'epochs'): number[] => {
    const pattern = new RegExp(`^gangs/${name}/${kind}/(\\d+)/opened$`);
    const numbers = [...values.keys()].flatMap((key) => pattern.exec(key)?.[1] ?? []).map(Number);
    return numbers.toSorted((a, b) => a - b);
  };
  const move = values.get(ownKeys.move(name));
  return {
    record,
    incarnations: numbersOf('incarnations').map((number) => storedIncarnation(name, number, values)),
    epochs: numbersOf('epochs').map((number) => storedEpoch(name, number, values)),
    ...(move === undefined ? {} : { move: moveSchema.parse(move) }),
  };
}

function storedIncarnation(
  name: string,
  number: number,
  values: ReadonlyMap<string, unknown>,
): StoredIncarnation {
  const gang = gangId(name);
  const incarnation = incarnationNumber(number);
  const outcome = wordIn(values, askOutcome(gang, incarnation));
  const ending = values.get(ownKeys.ending(name, number));
  return {
    incarnation,
    opened: incarnationOpenedSchema.parse(values.get(ledgerKeys.opened(gang, incarnation))),
    ...(outcome === undefined ? {} : { outcome }),
    isRunning: values.has(ownKeys.running(name, number)),
    ...(ending === undefined ? {} : { ending: endingSchema.parse(ending) }),
    isEnded: values.has(ledgerKeys.ended(gang, incarnation)),
  };
}

/** The ledger's answer, from what was listed. */
function wordIn<Word>(
  values: ReadonlyMap<string, unknown>,
  { transaction, answer }: LedgerQuestion<Word>,
): Word | undefined {
  const found = transaction.compare.map(({ key }) => values.get(key));
  return answer(found.every((value) => value === undefined) ? undefined : found);
}

function storedEpoch(name: string, number: number, values: ReadonlyMap<string, unknown>): StoredEpoch {
  const prefix = `gangs/${name}/epochs/${number}`;
  const decision = wordIn(values, askDecision(gangId(name), epochNumber(number)));
  const closed = values.get(`${prefix}/closed`);
  return {
    epoch: number,
    opened: epochOpenedSchema.parse(values.get(`${prefix}/opened`)),
    ...(decision === undefined ? {} : { decision }),
    ...(closed === undefined ? {} : { closed: epochReportSchema.parse(closed) }),
    isRemoved: values.has(ownKeys.removed(name, number)),
  };
}
