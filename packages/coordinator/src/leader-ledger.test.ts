// Writes whose answer is lost and which take effect late, as they may in a ledger on other machines: none undoes a later one.
import { type Ledger, LedgerUnavailableError, openFileLedger, type Transaction } from '@stillpoint/ledger';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { LeaderLedger } from './leader-ledger.ts';
import { LeaderLost } from './errors.ts';
import { limits } from './limits.ts';

let folder: string;
let ledger: Ledger;
/** Transactions that were sent and not yet executed. */
let late: Transaction[];
let isHeldUp: boolean;
let leader: LeaderLedger;
const onLost = vi.fn<(error: LeaderLost) => void>();

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'leader-ledger-'));
  ledger = await openFileLedger(folder);
  late = [];
  isHeldUp = false;
  const transact: Ledger['transact'] = async (transaction, call) => {
    const isWrite = transaction.put.length + (transaction.remove?.length ?? 0) > 0;
    if (!isHeldUp || !isWrite) return await ledger.transact(transaction, call);
    late.push(transaction);
    throw new LedgerUnavailableError('no answer', { remedy: 'Look at it.', retryable: true });
  };
  leader = await LeaderLedger.open(
    {
      transact,
      get: (key) => ledger.get(key),
      list: (prefix) => ledger.list(prefix),
      watch: (prefix, callback) => ledger.watch(prefix, callback),
      close: () => ledger.close(),
    },
    onLost,
  );
});
afterEach(async () => {
  await ledger.close();
  await rm(folder, { recursive: true });
});

const put = (key: string, value: unknown): Promise<void> => leader.write('test', [{ key, value }]);
async function lose(work: () => Promise<void>): Promise<void> {
  isHeldUp = true;
  await expect(work()).rejects.toMatchObject({ code: 'SP_LEDGER_UNAVAILABLE' });
  isHeldUp = false;
}
const executeLate = async (): Promise<boolean[]> =>
  await Promise.all(late.map(async (transaction) => (await ledger.transact(transaction)).ok));

test('a late write over a newer one is refused', async () => {
  await put('mark', 1);
  await lose(() => put('mark', 2));
  await put('mark', 2);
  await put('mark', 3);
  expect(await executeLate()).toEqual([false]);
  expect((await leader.get('mark'))?.value).toBe(3);
});

test('a late write of what was removed since is refused, and so is a late removal of what was written again', async () => {
  await lose(() => put('move', 'there'));
  await put('move', 'there');
  await leader.write('test', [], ['move']);
  expect(await executeLate()).toEqual([false]);
  expect(await leader.get('move')).toBeUndefined();

  await put('move', 'there');
  late.length = 0;
  await lose(() => leader.removeAll('test', ['move']));
  await put('move', 'elsewhere');
  expect(await executeLate()).toEqual([false]);
  expect((await leader.get('move'))?.value).toBe('elsewhere');
});

test('a late write that nothing followed takes effect', async () => {
  await lose(() => put('mark', 1));
  expect(await executeLate()).toEqual([true]);
  await put('mark', 2);
  expect((await leader.get('mark'))?.value).toBe(2);
});

test('a write that was on its way beside a lost one is made all the same', async () => {
  await put('first', 1);
  await lose(() => put('lost', 1));
  await Promise.all(['a', 'b', 'c'].map((key) => put(key, 1)));
  expect((await leader.list('')).entries.map(({ key }) => key)).toEqual(
    expect.arrayContaining(['a', 'b', 'c', 'first']),
  );
  expect(await executeLate()).toEqual([false]);
});

test('where the end of a turn has no answer either it is ended again', async () => {
  await lose(() => put('mark', 1));
  await lose(() => put('mark', 2));
  expect(late).toHaveLength(2);
  await put('mark', 3);
  expect(await executeLate()).toEqual([false, false]);
  expect((await leader.get('mark'))?.value).toBe(3);

  await lose(() => put('mark', 4));
  await lose(() => put('mark', 5));
  // the turn ends late, and by itself
  expect(await executeLate()).toEqual([false, false, true, true]);
  await put('mark', 6);
  expect((await leader.get('mark'))?.value).toBe(6);
});

test('a successor goes on from the turn of the one before, whose late writes are refused', async () => {
  await lose(() => put('mark', 1));
  await put('mark', 2);
  await lose(() => put('mark', 3));
  const successor = await LeaderLedger.open(ledger, onLost);
  await successor.write('test', [{ key: 'mark', value: 4 }]);
  expect(await executeLate()).toEqual([false, false]);
  await expect(put('mark', 5)).rejects.toThrow(LeaderLost);
  expect(onLost).toHaveBeenCalledOnce();
  expect((await ledger.get('mark'))?.value).toBe(4);
});

test('more keys than one transaction may name are removed', async () => {
  const keys = Array.from({ length: limits.removalsPerTransaction + 5 }, (_, index) => `k/${index}`);
  for (const key of keys) await put(key, 1);
  await leader.removeAll('test', [...keys, 'k/never']);
  expect((await leader.list('k/')).entries).toEqual([]);
});
