// The store in etcd against the port's contract, on a real etcd, and what is its own: pages, room, other people's values,
// watches over a restart and a compaction.
import { type EtcdServer, startEtcd } from '@stillpoint/servers';
import { Etcd3, GRPCUnavailableError, KVClient, WatchClient } from 'etcd3';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { canonicalText } from '../canonical.ts';
import type { Ledger, LedgerEvent } from '../ledger.ts';
import { ledgerLimits } from '../limits.ts';
import { ledgerContract } from '../testing.ts';
import { openEtcdLedger } from './etcd-ledger.ts';
import type { EtcdOptions } from './options.ts';

const waiting = { timeout: 20_000, interval: 20 };
let server: EtcdServer;
let prefixes = 0;
const opened: Ledger[] = [];

beforeAll(async () => {
  server = await startEtcd();
});
afterAll(() => server.dispose());
afterEach(async () => {
  await Promise.all(opened.splice(0).map((ledger) => ledger.close()));
});

const open = async (keyPrefix: string, options: Partial<EtcdOptions> = {}): Promise<Ledger> => {
  const ledger = await openEtcdLedger({ endpoints: [server.url], keyPrefix, ...options });
  opened.push(ledger);
  return ledger;
};
/** A ledger of the test's own. */
const openNew = (options?: Partial<EtcdOptions>): Promise<Ledger> => open(`t${(prefixes += 1)}/`, options);
/** etcd as others see it. */
async function behind<Result>(work: (etcd: Etcd3) => Promise<Result>): Promise<Result> {
  const etcd = new Etcd3({ hosts: server.url });
  try {
    return await work(etcd);
  } finally {
    etcd.close();
  }
}
const put = async (ledger: Ledger, key: string, value: string | number): Promise<number> =>
  (await ledger.transact({ compare: [], put: [{ key, value }] })).revision;
async function eventsOf(ledger: Ledger, prefix = ''): Promise<LedgerEvent[]> {
  const events: LedgerEvent[] = [];
  await ledger.watch(prefix, (event) => events.push(event));
  return events;
}
const values = (events: readonly LedgerEvent[]): unknown[] =>
  events.map((event) => (event.kind === 'put' ? event.entry.value : event.kind));

describe('the contract, on etcd', () => {
  ledgerContract(() => {
    const keyPrefix = `contract${(prefixes += 1)}/`;
    return Promise.resolve({
      open: () => open(keyPrefix),
      dispose: async () => {
        await Promise.all(opened.splice(0).map((ledger) => ledger.close()));
      },
    });
  });
});

test.for([
  [[], /endpoints/],
  [['127.0.0.1:2379'], /URLs with http:/],
  [['https://127.0.0.1:2379'], /URLs with http:/],
] as const)('endpoints %j are SP_LEDGER_INVALID', async ([endpoints, message]) => {
  const opening = openEtcdLedger({ endpoints });
  await expect(opening).rejects.toMatchObject({ code: 'SP_LEDGER_INVALID' });
  await expect(opening).rejects.toThrow(message);
});

test('nothing but the keys below its prefix is seen or touched', async () => {
  const [one, other] = [await openNew(), await openNew()];
  await put(one, 'k', 1);
  expect((await other.list('')).entries).toEqual([]);
  await other.transact({ compare: [], put: [], remove: ['k'] });
  expect((await one.get('k'))?.value).toBe(1);
});

test('a listing of several pages is of one revision', async () => {
  const ledger = await openNew();
  const count = 2 * ledgerLimits.pageEntriesMax + 3;
  const keys = Array.from({ length: count }, (_, index) => `k/${String(index).padStart(4, '0')}`);
  for (let from = 0; from < count; from += 100) {
    const batch = keys.slice(from, from + 100).map((key) => ({ key, value: 0 }));
    await ledger.transact({ compare: [], put: batch });
  }
  const reading = new AbortController();
  const writes = (async () => {
    for (let value = 1; !reading.signal.aborted; value += 1) {
      await ledger.transact({
        compare: [],
        put: [keys[0]!, keys.at(-1)!].map((key) => ({ key, value })),
      });
    }
  })();
  for (let round = 0; round < 20; round += 1) {
    const { entries } = await ledger.list('k/');
    expect(entries.map(({ key }) => key)).toEqual(keys);
    expect(entries.at(-1)?.value).toBe(entries[0]?.value);
  }
  reading.abort();
  await writes;
});

test('a transaction as large as it may be is taken', async () => {
  const ledger = await openNew();
  const half = ledgerLimits.transactionOperationsMax / 2;
  const key = (index: number): string => String(index).padEnd(ledgerLimits.keyBytesMax, 'k');
  const result = await ledger.transact({
    compare: Array.from({ length: half }, (_, index) => ({ key: key(index), is: 'absent' as const })),
    put: Array.from({ length: half }, (_, index) => ({
      key: key(index),
      value: 'v'.repeat(ledgerLimits.transactionBytesMax / half - 2),
    })),
  });
  expect(result.ok).toBe(true);
  expect((await ledger.list('')).entries).toHaveLength(half);
});

test('values are kept as their canonical text', async () => {
  expect(canonicalText({ b: [1, { d: null, c: '\u{1f9ca}\n' }], a: 1e21, 10: 0.5 })).toBe(
    '{"10":0.5,"a":1e+21,"b":[1,{"c":"\u{1f9ca}\\n","d":null}]}',
  );
  const ledger = await open('canonical/');
  await ledger.transact({ compare: [], put: [{ key: 'k', value: { b: 1, a: 2 } }] });
  expect(await behind((etcd) => etcd.get('canonical/k').string())).toBe('{"a":2,"b":1}');
});

test('a write whose answer is lost is not made again: it may have taken effect', async () => {
  const ledger = await openNew();
  const losing = vi.spyOn(KVClient.prototype, 'txn');
  losing.mockImplementation(async (...args) => {
    losing.mockRestore();
    await behind((etcd) => etcd.kv.txn(...args));
    throw new GRPCUnavailableError('the answer is lost');
  });
  try {
    const transaction = { compare: [{ key: 'k', is: 'absent' }], put: [{ key: 'k', value: 1 }] } as const;
    await expect(ledger.transact(transaction)).rejects.toMatchObject({
      code: 'SP_LEDGER_UNAVAILABLE',
      retryable: true,
    });
    expect((await ledger.get('k'))?.value).toBe(1);
  } finally {
    losing.mockRestore();
  }
});

test("a value that is not Stillpoint's is SP_LEDGER_FOREIGN_VALUE, naming its key", async () => {
  const ledger = await open('foreign/');
  const events = await eventsOf(ledger);
  await behind(async (etcd) => await etcd.put('foreign/k').value('not json'));
  await expect(ledger.get('k')).rejects.toMatchObject({ code: 'SP_LEDGER_FOREIGN_VALUE' });
  await expect(ledger.list('')).rejects.toThrow('foreign/k');
  await vi.waitFor(() => expect(events).toMatchObject([{ kind: 'failed' }]), waiting);
});

test('where a transaction would leave too little room it is SP_LEDGER_AT_LIMIT, and has no effect', async () => {
  const ledger = await openNew({ quotaBytes: 64 * 1024 * 1024 });
  const transaction = { compare: [], put: [{ key: 'k', value: 1 }] };
  const refused = ledger.transact(transaction, { spareBytes: 64 * 1024 * 1024 });
  await expect(refused).rejects.toMatchObject({ code: 'SP_LEDGER_AT_LIMIT' });
  expect(await ledger.get('k')).toBeUndefined();
  expect((await ledger.transact(transaction, { spareBytes: 1024 })).ok).toBe(true);
});

test('an etcd over its quota is SP_LEDGER_FULL, and goes on once it has room', async () => {
  const small = await startEtcd({ args: ['--quota-backend-bytes', String(4 * 1024 * 1024)] });
  const ledger = await openEtcdLedger({ endpoints: [small.url] });
  const etcd = new Etcd3({ hosts: small.url });
  try {
    const fill = async (): Promise<void> => {
      for (let round = 0; round < 20; round += 1) await put(ledger, 'k', 'x'.repeat(500_000));
    };
    await expect(fill()).rejects.toMatchObject({ code: 'SP_LEDGER_FULL', retryable: true });
    const revision = (await ledger.list('')).revision;
    await expect(put(ledger, 'other', 1)).rejects.toMatchObject({ code: 'SP_LEDGER_FULL' });
    expect(await ledger.get('other')).toBeUndefined();

    await etcd.kv.compact({ revision: String(revision), physical: true });
    await etcd.maintenance.defragment();
    const { alarms } = await etcd.maintenance.alarm({ action: 'Get' });
    for (const { memberID, alarm } of alarms) {
      await etcd.maintenance.alarm({ action: 'Deactivate', memberID, alarm });
    }
    expect(await put(ledger, 'other', 1)).toBe(revision + 1);
  } finally {
    etcd.close();
    await ledger.close();
    await small.dispose();
  }
});

describe('a watch', () => {
  let own: EtcdServer;
  let ledger: Ledger;

  beforeAll(async () => {
    own = await startEtcd();
  });
  afterAll(() => own.dispose());
  const begin = async (): Promise<LedgerEvent[]> => {
    ledger = await openEtcdLedger({ endpoints: [own.url] });
    opened.push(ledger);
    return await eventsOf(ledger, 'g/');
  };
  /** What etcd has sent to watches. */
  const watchMessages = async (): Promise<number> => {
    const text = await (await fetch(`${own.metricsUrl}/metrics`)).text();
    return Number(/^grpc_server_msg_sent_total\{.*grpc_method="Watch".*\} (\S+)$/m.exec(text)?.[1]);
  };
  const compact = async (revision: number): Promise<void> => {
    const etcd = new Etcd3({ hosts: own.url });
    await etcd.kv.compact({ revision: String(revision), physical: true });
    etcd.close();
  };

  test('goes on over restarts of its etcd, and misses nothing', async () => {
    const events = await begin();
    for (let round = 0; round < 3; round += 1) {
      await put(ledger, 'g/k', `${round} before`);
      if (round % 2 === 0) await own.kill();
      else await own.stop();
      await own.restart();
      await vi.waitFor(() => put(ledger, 'g/k', `${round} after`), waiting);
    }
    await vi.waitFor(() => expect(values(events).at(-1)).toBe('2 after'), waiting);
    const all = [0, 1, 2].flatMap((round) => [`${round} before`, `${round} after`]);
    // a write without an answer is made again here
    expect([...new Set(values(events))]).toEqual(all);
  });

  test('does not mind a compaction of what it has no part in, however far behind its last event it is', async () => {
    const events = await begin();
    await put(ledger, 'g/first', 1);
    await vi.waitFor(() => expect(events).toHaveLength(1), waiting);
    let revision = 0;
    for (let value = 0; value < 50; value += 1) revision = await put(ledger, 'elsewhere', value);
    // the watch has asked since how far it is
    const before = await watchMessages();
    await vi.waitFor(async () => expect(await watchMessages()).toBeGreaterThan(before), waiting);
    await compact(revision);
    await own.kill();
    await own.restart();
    await vi.waitFor(() => put(ledger, 'g/second', 2), waiting);
    await vi.waitFor(() => expect(values(events)).toEqual([1, 2]), waiting);
  });

  test('that has missed what is compacted ends, and says so', async () => {
    const events = await begin();
    const other = await openEtcdLedger({ endpoints: [own.url] });
    opened.push(other);
    await put(ledger, 'g/seen', 0);
    await vi.waitFor(() => expect(values(events)).toEqual([0]), waiting);
    // its connection is lost, and it is kept from finding another one until it is too late
    const barred = vi.spyOn(WatchClient.prototype, 'watch').mockRejectedValue(new Error('barred'));
    await own.kill();
    await own.restart();
    let revision = 0;
    for (let value = 1; value < 4; value += 1) {
      revision = await vi.waitFor(() => put(other, 'g/missed', value), waiting);
    }
    await compact(revision);
    barred.mockRestore();
    await vi.waitFor(() => expect(values(events)).toEqual([0, 'failed']), waiting);
    expect(events[1]).toMatchObject({ error: { code: 'SP_LEDGER_WATCH_BEHIND', retryable: true } });
    await put(other, 'g/later', 1);
    const again = await eventsOf(ledger, 'g/');
    await put(other, 'g/later', 2);
    await vi.waitFor(() => expect(values(again)).toEqual([2]), waiting);
    expect(events).toHaveLength(2);
  });
});
