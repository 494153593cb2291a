// A ledger that has grown to its limit: unlike a full disk, waiting does not help.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openFileLedger } from './file-ledger.ts';
import type * as Limits from './limits.ts';

vi.mock('./limits.ts', async (original) => {
  const { ledgerLimits } = await original<typeof Limits>();
  return { ledgerLimits: { ...ledgerLimits, fileBytesMax: 3000 } };
});

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ledger-'));
});
afterEach(() => rm(folder, { recursive: true }));

test('keeps room for what has to be written, where a transaction leaves it', async () => {
  const ledger = await openFileLedger(folder);
  const put = (key: string, spareBytes?: number) =>
    ledger.transact(
      { compare: [], put: [{ key, value: 'x'.repeat(900) }] },
      spareBytes === undefined ? {} : { spareBytes },
    );
  await put('first', 1000);
  await expect(put('second', 1000)).rejects.toMatchObject({ code: 'SP_LEDGER_AT_LIMIT' });
  await put('second');
  expect((await ledger.list('')).entries.map(({ key }) => key)).toEqual(['first', 'second']);
  await ledger.close();
});

test('takes no more, says so for good, and is read as before', async () => {
  const ledger = await openFileLedger(folder);
  const put = (key: string) => ledger.transact({ compare: [], put: [{ key, value: 'x'.repeat(900) }] });
  await put('first');
  await put('second');
  await expect(put('third')).rejects.toMatchObject({ code: 'SP_LEDGER_AT_LIMIT', retryable: false });
  await expect(put('third')).rejects.toMatchObject({ code: 'SP_LEDGER_AT_LIMIT' });
  expect((await ledger.list('')).entries.map(({ key }) => key)).toEqual(['first', 'second']);
  await ledger.close();
});
