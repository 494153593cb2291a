// The ledger, its watches and elections on three real members of etcd, while members are killed, stand still and are cut
// off from each other: what was acknowledged stays, nobody is left waiting, and all goes on once it is healed.
import { type EtcdCluster, type EtcdServer, startEtcdCluster } from '@stillpoint/servers';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import type { Leadership } from '../election.ts';
import { createOnce, type Ledger, type LedgerEvent } from '../ledger.ts';
import { openEtcdElection } from './etcd-election.ts';
import { openEtcdLedger } from './etcd-ledger.ts';

const waiting = { timeout: 25_000, interval: 50 };
const testTimeoutMs = 90_000;
const unavailable = { code: 'SP_LEDGER_UNAVAILABLE', retryable: true };

let cluster: EtcdCluster;
const opened: Ledger[] = [];

beforeAll(async () => {
  cluster = await startEtcdCluster(3);
});
afterAll(async () => {
  await Promise.all(opened.map((ledger) => ledger.close()));
  await cluster.dispose();
});

const open = async (): Promise<Ledger> => {
  const ledger = await openEtcdLedger({ endpoints: cluster.urls });
  opened.push(ledger);
  return ledger;
};
/** A ledger that asks this member first. */
function openAt(index: number): Promise<Ledger> {
  const chance = vi.spyOn(Math, 'random').mockReturnValue((index + 0.5) / cluster.members.length);
  const opening = open();
  chance.mockRestore();
  return opening;
}
const leader = (): Promise<EtcdServer> => vi.waitFor(() => cluster.leader(), waiting);
const others = (member: EtcdServer): EtcdServer[] => cluster.members.filter((each) => each !== member);
async function attempt(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    expect(error).toMatchObject(unavailable);
    return false;
  }
}

type Heal = () => Promise<void>;
interface Fault {
  readonly what: string;
  readonly isQuorumLost: boolean;
  /** How soon a watch at such a member has found another one. Only of one that is paused it hears nothing. */
  readonly noticedMs?: number;
  readonly inject: () => Promise<Heal>;
}
const killed = async (members: readonly EtcdServer[]): Promise<Heal> => {
  await Promise.all(members.map((member) => member.kill()));
  return async () => {
    await Promise.all(members.map((member) => member.restart()));
  };
};
const paused = (members: readonly EtcdServer[]): Heal => {
  for (const member of members) member.pause();
  return () => {
    for (const member of members) member.resume();
    return Promise.resolve();
  };
};
const cutOff = (members: readonly EtcdServer[]): Heal => {
  for (const member of members) cluster.isolate(member);
  return () => {
    cluster.heal();
    return Promise.resolve();
  };
};
const faults: readonly Fault[] = [
  { what: 'its leader killed', isQuorumLost: false, inject: async () => killed([await leader()]) },
  {
    what: 'its leader paused',
    isQuorumLost: false,
    noticedMs: 15_000,
    inject: async () => paused([await leader()]),
  },
  { what: 'its leader cut off', isQuorumLost: false, inject: async () => cutOff([await leader()]) },
  {
    what: 'a follower killed',
    isQuorumLost: false,
    inject: async () => killed(others(await leader()).slice(1)),
  },
  { what: 'both followers killed', isQuorumLost: true, inject: async () => killed(others(await leader())) },
  { what: 'both followers paused', isQuorumLost: true, inject: async () => paused(others(await leader())) },
  { what: 'nobody reaching another', isQuorumLost: true, inject: async () => cutOff(cluster.members) },
  { what: 'all killed', isQuorumLost: true, inject: () => killed(cluster.members) },
];

describe('one after the other', () => {
  let ledger: Ledger;
  let reader: Ledger;
  const events: LedgerEvent[] = [];
  const acknowledged: number[] = [];
  let values = 0;
  const standing = new AbortController();
  const leaderships: Leadership[] = [];
  const overlaps: string[] = [];
  const candidates: Promise<void>[] = [];
  let sampling: NodeJS.Timeout;

  const held = (): number => leaderships.filter((leadership) => leadership.isHeld()).length;
  const lookForTwo = (when: string): void => {
    if (held() > 1) overlaps.push(when);
  };
  /** Stands, leads until it is lost, and stands again. */
  const candidate = async (): Promise<void> => {
    const election = openEtcdElection({ endpoints: cluster.urls });
    try {
      for (;;) {
        const leadership = await election.campaign(standing.signal);
        leaderships.push(leadership);
        lookForTwo('at the beginning of one');
        await new Promise<void>((resolve) => {
          leadership.lost.addEventListener('abort', () => resolve());
          standing.signal.addEventListener('abort', () => resolve());
        });
        if (standing.signal.aborted) return await leadership.resign();
      }
    } catch (error) {
      if (error !== standing.signal.reason) throw error;
    } finally {
      await election.close();
    }
  };
  /** A write over what is there: one without an answer that arrives late is refused. */
  const write = async (deadlineMs: number): Promise<void> => {
    const value = (values += 1);
    const before = await ledger.get('watched/k', { deadlineMs });
    const is = before === undefined ? 'absent' : { modRevision: before.modRevision };
    const transaction = { compare: [{ key: 'watched/k', is }], put: [{ key: 'watched/k', value }] } as const;
    expect(await ledger.transact(transaction, { deadlineMs })).toMatchObject({ ok: true });
    acknowledged.push(value);
  };

  beforeAll(async () => {
    ledger = await open();
    reader = await open();
    await (await open()).watch('watched/', (event) => events.push(event));
    candidates.push(candidate(), candidate());
    sampling = setInterval(() => lookForTwo('meanwhile'), 5);
  });
  afterAll(async () => {
    clearInterval(sampling);
    standing.abort(new Error('the test is over'));
    await Promise.all(candidates);
  });

  test.for(faults)(
    'with $what',
    { timeout: testTimeoutMs },
    async ({ isQuorumLost, noticedMs = 5000, inject }) => {
      await vi.waitFor(() => write(5000), waiting);
      await vi.waitFor(() => expect(held()).toBe(1), waiting);
      // one watch at each member: none is silent while its member is away
      const own: unknown[][] = [[], [], []];
      for (const [index, seen] of own.entries()) {
        const watcher = await openAt(index);
        await watcher.watch('watched/', (event) => seen.push(event.kind === 'put' && event.entry.value));
      }
      const heal = await inject();
      try {
        if (isQuorumLost) {
          await nobodyIsLeftWaiting();
        } else {
          await vi.waitFor(() => write(3000), waiting);
          const last = acknowledged.at(-1);
          await vi.waitFor(() => expect(own.map((seen) => seen.at(-1))).toEqual([last, last, last]), {
            timeout: noticedMs,
          });
        }
      } finally {
        await heal();
      }
      await vi.waitFor(() => write(3000), waiting);
      const last = acknowledged.at(-1);
      await vi.waitFor(
        async () => expect((await reader.get('watched/k', { deadlineMs: 3000 }))?.value).toBe(last),
        waiting,
      );

      await vi.waitFor(() => {
        const seen = events.map((event) => (event.kind === 'put' ? event.entry.value : event.kind));
        expect(seen.at(-1)).toBe(last);
        // all that was acknowledged, in order; what was not may be there too
        expect(seen.filter((value) => acknowledged.includes(Number(value)))).toEqual(acknowledged);
        expect(seen).toEqual(seen.toSorted((a, b) => Number(a) - Number(b)));
        expect(new Set(seen).size).toBe(seen.length);
      }, waiting);
      await vi.waitFor(() => expect(held()).toBe(1), waiting);
      expect(overlaps).toEqual([]);
    },
  );

  async function nobodyIsLeftWaiting(): Promise<void> {
    const deadlineMs = 2000;
    const call = { deadlineMs };
    const isLost = async (): Promise<boolean> =>
      !(await attempt(reader.get('watched/k', { deadlineMs: 300 })));
    await vi.waitFor(async () => expect(await isLost()).toBe(true), waiting);
    const atMs = performance.now();
    const outcomes = await Promise.all([
      attempt(ledger.transact({ compare: [], put: [{ key: 'unacknowledged', value: 1 }] }, call)),
      attempt(ledger.transact({ compare: [{ key: 'unacknowledged', is: 'absent' }], put: [] }, call)),
      attempt(reader.get('watched/k', call)),
      attempt(reader.list('watched/', call)),
      attempt(reader.watch('watched/', () => {}, call)),
      attempt(openEtcdLedger({ endpoints: cluster.urls }, call)),
    ]);
    expect(outcomes).toEqual(outcomes.map(() => false));
    expect(performance.now() - atMs).toBeLessThan(deadlineMs + 500);
    // and whoever leads can't renew its lease
    await vi.waitFor(() => expect(held()).toBe(0), waiting);
  }
});

test(
  'under all of these no key is created twice, no acknowledged write is lost, and no read is stale',
  async () => {
    const clients = await Promise.all([open(), open(), open()]);
    const over = new AbortController();
    const call = { deadlineMs: 500 };
    /** What each client was told of each key, and how many additions were acknowledged or may have been. */
    const told = new Map<string, { created: number[]; named: Set<unknown> }>();
    const additions = { acknowledged: 0, unknown: 0 };
    const stale: string[] = [];

    const createAll = async (ledger: Ledger, client: number): Promise<void> => {
      for (let number = 0; !over.signal.aborted; number += 1) {
        const key = `once/${number}`;
        const record = told.get(key) ?? { created: [], named: new Set() };
        told.set(key, record);
        // a lost answer may have been a creation: asked again, the key says whose
        await attempt(
          createOnce(ledger, key, client, call).then(({ created, entry }) => {
            if (created) record.created.push(client);
            record.named.add(entry.value);
          }),
        );
      }
    };
    const add = async (ledger: Ledger): Promise<void> => {
      while (!over.signal.aborted) {
        const entry = await ledger.get('sum', call).catch(() => 'unavailable' as const);
        if (entry === 'unavailable') continue;
        const sum = Number(entry?.value ?? 0);
        const compare = { key: 'sum', is: entry === undefined ? 'absent' : { equals: sum } } as const;
        let isAdded = false;
        const isAnswered = await attempt(
          ledger
            .transact({ compare: [compare], put: [{ key: 'sum', value: sum + 1 }] }, call)
            .then(({ ok }) => (isAdded = ok)),
        );
        if (isAdded) additions.acknowledged += 1;
        else if (!isAnswered) additions.unknown += 1;
      }
    };
    /** Only reads, so that it stays with its member for as long as that one answers. */
    const read = async (ledger: Ledger): Promise<void> => {
      const compare = [{ key: 'sum', is: 'absent' }] as const;
      for (let round = 0; !over.signal.aborted; round += 1) {
        const known = additions.acknowledged;
        const asked =
          round % 2 === 0
            ? ledger.get('sum', call)
            : ledger
                .transact({ compare, put: [] }, call)
                .then((result) => (result.ok ? undefined : result.found[0]));
        await attempt(
          asked.then((entry) => {
            const sum = Number(entry?.value ?? 0);
            if (sum < known) stale.push(`${sum} was read after ${known} additions were acknowledged`);
          }),
        );
        await pause(10);
      }
    };
    const readers = await Promise.all([openAt(0), openAt(1), openAt(2)]);
    const running = [
      ...clients.flatMap((ledger, client) => [createAll(ledger, client), add(ledger)]),
      ...readers.map(read),
    ];
    const grows = async (): Promise<void> => {
      const before = additions.acknowledged;
      await vi.waitFor(() => expect(additions.acknowledged).toBeGreaterThan(before + 5), waiting);
    };
    for (const { inject, isQuorumLost } of faults) {
      await grows();
      const heal = await inject();
      try {
        await (isQuorumLost ? pause(1000) : grows());
      } finally {
        await heal();
      }
    }
    await grows();
    over.abort();
    await Promise.all(running);

    const [ledger] = clients;
    const { entries } = await vi.waitFor(() => ledger.list('once/'), waiting);
    const standing = new Map(entries.map(({ key, value }) => [key, value]));
    for (const [key, { created, named }] of told) {
      const value = standing.get(key);
      expect({ key, created: created.length > 1 }).toEqual({ key, created: false });
      for (const each of [...created, ...named]) expect({ key, value: each }).toEqual({ key, value });
    }
    const sum = Number((await ledger.get('sum'))?.value);
    expect(sum).toBeGreaterThanOrEqual(additions.acknowledged);
    expect(sum).toBeLessThanOrEqual(additions.acknowledged + additions.unknown);
    expect(stale).toEqual([]);
    expect(additions.acknowledged).toBeGreaterThan(20);
    console.log(
      `${told.size} keys, ${additions.acknowledged} additions acknowledged, ${additions.unknown} unknown, sum ${sum}`,
    );
  },
  2 * testTimeoutMs,
);
