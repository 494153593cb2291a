// The contract of the ledger port as a vitest suite: run on every store that stands behind it.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { createOnce, type Ledger, type LedgerEvent } from './ledger.ts';
import { ledgerLimits } from './limits.ts';

/** One store, as several processes would see it. */
export interface LedgerUnderTest {
  /** Opens the same store again, as another process would. */
  open(): Promise<Ledger>;
  /** Closes what was opened and removes the store. */
  dispose(): Promise<void>;
}

/** Declares the contract's tests. `makeLedger` gives an empty store each time. */
export function ledgerContract(makeLedger: () => Promise<LedgerUnderTest>): void {
  let store: LedgerUnderTest;
  let ledger: Ledger;
  let other: Ledger;

  beforeEach(async () => {
    store = await makeLedger();
    ledger = await store.open();
    other = await store.open();
  });
  afterEach(async () => {
    await store.dispose();
  });

  const put = async (key: string, value: number): Promise<number> => {
    const result = await ledger.transact({ compare: [], put: [{ key, value }] });
    return result.revision;
  };

  describe('transactions', () => {
    test('a key is absent until it is written, and others see it at once', async () => {
      expect(await ledger.get('a')).toBeUndefined();
      const value = { nested: [1, 'two', null, true], text: 'line\nfeed\ttab \u{1f9ca}' };
      const result = await ledger.transact({
        compare: [{ key: 'a', is: 'absent' }],
        put: [{ key: 'a', value }],
      });
      expect(result.ok).toBe(true);
      const { revision } = result;
      expect(await other.get('a')).toEqual({
        key: 'a',
        value,
        createRevision: revision,
        modRevision: revision,
      });
    });

    test.for([
      { is: 'absent', holds: false },
      { is: 'present', holds: true },
      { is: { equals: { x: 1, y: [2] } }, holds: true },
      { is: { equals: { y: [2], x: 1 } }, holds: true },
      { is: { equals: { x: 1, y: [2, 3] } }, holds: false },
      { is: { equals: null }, holds: false },
    ] as const)('on a present key $is holds: $holds', async ({ is, holds }) => {
      await ledger.transact({ compare: [], put: [{ key: 'k', value: { x: 1, y: [2] } }] });
      const result = await other.transact({
        compare: [{ key: 'k', is }],
        put: [{ key: 'done', value: true }],
      });
      expect(result.ok).toBe(holds);
      expect((await ledger.get('done'))?.value).toBe(holds ? true : undefined);
    });

    test.for([
      { is: 'absent', holds: true },
      { is: 'present', holds: false },
      { is: { equals: null }, holds: false },
      { is: { modRevision: 1 }, holds: false },
    ] as const)('on an absent key $is holds: $holds', async ({ is, holds }) => {
      const result = await ledger.transact({
        compare: [{ key: 'k', is }],
        put: [{ key: 'done', value: true }],
      });
      expect(result.ok).toBe(holds);
    });

    test('modRevision notices every write, also of the same value', async () => {
      const first = await put('k', 1);
      await put('k', 1);
      const stale = await ledger.transact({
        compare: [{ key: 'k', is: { modRevision: first } }],
        put: [{ key: 'k', value: 2 }],
      });
      expect(stale).toMatchObject({ ok: false, found: [{ value: 1, createRevision: first }] });
      const current = (await other.get('k'))?.modRevision ?? 0;
      const fresh = await other.transact({
        compare: [{ key: 'k', is: { modRevision: current } }],
        put: [{ key: 'k', value: 3 }],
      });
      expect(fresh.ok).toBe(true);
      expect(await ledger.get('k')).toMatchObject({ value: 3, createRevision: first });
    });

    test('one compare that fails leaves everything as it was, and says what was found', async () => {
      await put('here', 1);
      const result = await other.transact({
        compare: [
          { key: 'here', is: 'present' },
          { key: 'gone', is: 'present' },
        ],
        put: [{ key: 'new', value: 1 }],
        remove: ['here'],
      });
      expect(result).toMatchObject({ ok: false, found: [{ key: 'here', value: 1 }, undefined] });
      expect((await ledger.list('')).entries.map(({ key }) => key)).toEqual(['here']);
    });

    test('writes several keys and removes others as one revision', async () => {
      await put('old', 1);
      const result = await ledger.transact({
        compare: [],
        put: [
          { key: 'x', value: 1 },
          { key: 'y', value: 2 },
        ],
        remove: ['old', 'never'],
      });
      const { entries } = await other.list('');
      expect(entries.map(({ key }) => key)).toEqual(['x', 'y']);
      expect(new Set(entries.map(({ modRevision }) => modRevision))).toEqual(new Set([result.revision]));
    });

    test('a removed key is absent, and created anew when it is written again', async () => {
      const first = await put('k', 1);
      await other.transact({ compare: [], put: [], remove: ['k'] });
      expect(await ledger.get('k')).toBeUndefined();
      const again = await put('k', 1);
      expect(again).toBeGreaterThan(first);
      expect((await other.get('k'))?.createRevision).toBe(again);
    });

    test('revisions grow with every change and stay where nothing changes', async () => {
      const first = await put('a', 1);
      const second = await put('a', 2);
      expect(second).toBeGreaterThan(first);
      const reading = await other.transact({ compare: [{ key: 'a', is: 'present' }], put: [] });
      expect(reading).toEqual({ ok: true, revision: second });
      expect((await other.transact({ compare: [], put: [], remove: ['nothing'] })).revision).toBe(second);
      expect((await other.transact({ compare: [{ key: 'a', is: 'absent' }], put: [] })).revision).toBe(
        second,
      );
    });

    test('of many that would create the same keys each has one winner, and all name the same', async () => {
      const keys = Array.from({ length: 20 }, (_, index) => `decision/${index}`);
      const attempts = keys.flatMap((key) =>
        [ledger, other, ledger, other].map((from, writer) => createOnce(from, key, writer)),
      );
      const results = await Promise.all(attempts);
      for (const key of keys) {
        const ofKey = results.filter(({ entry }) => entry.key === key);
        expect(ofKey.filter(({ created }) => created)).toHaveLength(1);
        expect(new Set(ofKey.map(({ entry }) => entry.value)).size).toBe(1);
        expect((await other.get(key))?.value).toBe(ofKey.find(({ created }) => created)?.entry.value);
      }
    });

    test('an answer reflects what was acknowledged to anyone before the question', async () => {
      for (let round = 0; round < 50; round += 1) {
        await put('counter', round);
        expect((await other.get('counter'))?.value).toBe(round);
      }
    });

    test('everything is there when it is opened again', async () => {
      await put('a', 1);
      await put('b', 2);
      await ledger.close();
      await other.close();
      const again = await store.open();
      expect((await again.list('')).entries).toMatchObject([
        { key: 'a', value: 1 },
        { key: 'b', value: 2 },
      ]);
    });
  });

  describe('list', () => {
    test('gives the keys under the prefix, sorted, and no others', async () => {
      for (const key of ['g/b', 'g/a', 'g0', 'h', 'g/a/b']) await put(key, 1);
      const { entries, revision } = await other.list('g/');
      expect(entries.map(({ key }) => key)).toEqual(['g/a', 'g/a/b', 'g/b']);
      expect(revision).toBe((await put('z', 1)) - 1);
    });
  });

  describe('watch', () => {
    test('tells every change under the prefix, in order, whoever made it', async () => {
      await put('g/before', 1);
      const events: LedgerEvent[] = [];
      await other.watch('g/', (event) => events.push(event));
      await put('g/a', 1);
      await put('elsewhere', 1);
      await other.transact({ compare: [], put: [{ key: 'g/a', value: 2 }] });
      await ledger.transact({ compare: [], put: [], remove: ['g/a', 'g/before'] });
      await vi.waitFor(() => expect(events).toHaveLength(4), { timeout: 10_000 });
      expect(events).toMatchObject([
        { kind: 'put', entry: { key: 'g/a', value: 1 } },
        { kind: 'put', entry: { key: 'g/a', value: 2 } },
        { kind: 'removed', key: 'g/a' },
        { kind: 'removed', key: 'g/before' },
      ]);
    });

    test('says nothing more once it was stopped', async () => {
      const stopped: LedgerEvent[] = [];
      const going: LedgerEvent[] = [];
      const stop = await ledger.watch('', (event) => stopped.push(event));
      await ledger.watch('', (event) => going.push(event));
      stop();
      await put('a', 1);
      await vi.waitFor(() => expect(going).toHaveLength(1), { timeout: 10_000 });
      expect(stopped).toEqual([]);
    });
  });

  describe('refusals', () => {
    test.for([
      ['an empty key', { compare: [], put: [{ key: '', value: 1 }] }],
      ['a key with a space', { compare: [{ key: 'a b', is: 'absent' }], put: [] }],
      [
        'a key that is too long',
        { compare: [], put: [], remove: ['k'.repeat(ledgerLimits.keyBytesMax + 1)] },
      ],
      ['a key written twice', { compare: [], put: [{ key: 'k', value: 1 }], remove: ['k'] }],
      ['a value that JSON would change', { compare: [], put: [{ key: 'k', value: Number.NaN }] }],
      [
        'too many operations',
        {
          compare: [],
          put: Array.from({ length: ledgerLimits.transactionOperationsMax + 1 }, (_, index) => ({
            key: `k${index}`,
            value: 1,
          })),
        },
      ],
      [
        'too many bytes',
        { compare: [], put: [{ key: 'k', value: 'v'.repeat(ledgerLimits.transactionBytesMax) }] },
      ],
    ] as const)('%s is SP_LEDGER_INVALID', async ([, transaction]) => {
      await expect(ledger.transact(transaction)).rejects.toMatchObject({ code: 'SP_LEDGER_INVALID' });
      expect((await other.list('')).entries).toEqual([]);
    });

    test('a closed ledger answers nothing', async () => {
      await ledger.close();
      await ledger.close();
      await expect(ledger.get('a')).rejects.toMatchObject({ code: 'SP_LEDGER_UNAVAILABLE' });
      await expect(put('a', 1)).rejects.toMatchObject({ code: 'SP_LEDGER_UNAVAILABLE' });
      expect(await other.get('a')).toBeUndefined();
    });

    test('a call ends at its deadline', async () => {
      const asked = ledger.transact({ compare: [], put: [{ key: 'a', value: 1 }] }, { deadlineMs: 1 });
      const late = performance.now() + 20;
      while (performance.now() < late); // no answer can be heard before the deadline has passed
      await expect(asked).rejects.toMatchObject({ code: 'SP_LEDGER_UNAVAILABLE', retryable: true });
      await expect(ledger.get('a', { deadlineMs: 0 })).rejects.toMatchObject({
        code: 'SP_LEDGER_UNAVAILABLE',
      });
    });

    test('a transaction past its deadline before it was begun has no effect', async () => {
      const asked = ledger.transact({ compare: [], put: [{ key: 'a', value: 1 }] }, { deadlineMs: 0 });
      await expect(asked).rejects.toMatchObject({ code: 'SP_LEDGER_UNAVAILABLE' });
      expect(await ledger.get('a')).toBeUndefined();
    });
  });
}
