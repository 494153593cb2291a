// The file store against the port's contract, and what is its own: versions, damage while open, a torn end.
import { appendFile, mkdtemp, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openFileLedger } from './file-ledger.ts';
import type { Ledger, LedgerEvent } from './ledger.ts';
import { encodeRecord } from './record.ts';
import { ledgerContract } from './testing.ts';

describe('the contract, on a file', () => {
  ledgerContract(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'ledger-'));
    const opened: Ledger[] = [];
    return {
      open: async () => {
        const ledger = await openFileLedger(join(folder, 'ledger'));
        opened.push(ledger);
        return ledger;
      },
      dispose: async () => {
        await Promise.all(opened.map(async (ledger) => await ledger.close()));
        await rm(folder, { recursive: true });
      },
    };
  });
});

describe('the file', () => {
  let folder: string;
  let path: string;
  const opened: Ledger[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'ledger-'));
    path = join(folder, 'ledger.log');
  });
  afterEach(async () => {
    await Promise.all(opened.splice(0).map(async (ledger) => await ledger.close()));
    await rm(folder, { recursive: true });
  });

  const open = async (): Promise<Ledger> => {
    const ledger = await openFileLedger(folder);
    opened.push(ledger);
    return ledger;
  };
  const put = async (ledger: Ledger, key: string): Promise<void> => {
    expect(await ledger.transact({ compare: [], put: [{ key, value: key }] })).toMatchObject({ ok: true });
  };

  test('is made whole by whoever comes first, and nothing else is left in the folder', async () => {
    const ledgers = await Promise.all(Array.from({ length: 10 }, open));
    await Promise.all(ledgers.map(async (ledger, index) => await put(ledger, `k${index}`)));
    expect((await ledgers[0]!.list('')).entries).toHaveLength(10);
    const text = await readFile(path, 'utf8');
    expect(text.match(/stillpoint-ledger/g)).toHaveLength(1);
  });

  test('of a newer version is refused and left as it is', async () => {
    const content = encodeRecord(JSON.stringify({ format: 'stillpoint-ledger', version: 2, more: [] }));
    await writeFile(path, content);
    await expect(open()).rejects.toMatchObject({ code: 'SP_LEDGER_NEWER_VERSION' });
    expect(await readFile(path)).toEqual(content);
  });

  test.for([
    ['nothing', Buffer.alloc(0)],
    [
      'a first record that is cut short',
      encodeRecord('{"format":"stillpoint-ledger","version":1}').subarray(0, 40),
    ],
    ['something else', Buffer.from('a text file\n')],
    ['records, but not of a ledger', encodeRecord('{"format":"else","version":1}')],
  ] as const)('that holds %s is SP_LEDGER_CORRUPT', async ([, content]) => {
    await writeFile(path, content);
    await expect(open()).rejects.toMatchObject({ code: 'SP_LEDGER_CORRUPT', file: path, offset: 0 });
  });

  test('in a place that can not be written is SP_LEDGER_UNAVAILABLE, naming it', async () => {
    await writeFile(join(folder, 'in-the-way'), '');
    const opening = openFileLedger(join(folder, 'in-the-way'));
    await expect(opening).rejects.toMatchObject({ code: 'SP_LEDGER_UNAVAILABLE' });
    await expect(opening).rejects.toThrow(/in-the-way/);
  });

  test('with a torn record at its end is read and written on as if it were not there', async () => {
    const first = await open();
    await put(first, 'a');
    const torn = encodeRecord(JSON.stringify({ id: 'x', compare: [], put: [], remove: ['a'] }));
    for (const length of [1, 10, 25, 26, torn.length - 3]) {
      await appendFile(path, torn.subarray(0, length));
      const second = await open();
      expect((await second.list('')).entries.map(({ key }) => key)).toContain('a');
      await put(second, `after/${length}`);
      expect((await first.get(`after/${length}`))?.value).toBe(`after/${length}`);
    }
    expect((await (await open()).list('')).entries).toHaveLength(6);
  });

  test('that is damaged while it is open ends everything on it, loudly', async () => {
    const ledger = await open();
    await put(ledger, 'a');
    const events: LedgerEvent[] = [];
    await ledger.watch('', (event) => events.push(event));
    await appendFile(path, '\nrubbish that is no record\t{}\t');
    await vi.waitFor(() => expect(events).toMatchObject([{ kind: 'failed' }]), { timeout: 10_000 });
    await expect(ledger.get('a')).rejects.toMatchObject({ code: 'SP_LEDGER_CORRUPT', file: path });
    await expect(put(ledger, 'b')).rejects.toMatchObject({ code: 'SP_LEDGER_CORRUPT' });
  });

  test('that becomes shorter while it is open is SP_LEDGER_CORRUPT', async () => {
    const ledger = await open();
    await put(ledger, 'a');
    await truncate(path, (await readFile(path)).length - 1);
    await expect(ledger.get('a')).rejects.toMatchObject({ code: 'SP_LEDGER_CORRUPT' });
  });

  test('that is replaced or removed while it is open answers nothing more', async () => {
    const [ledger, other] = [await open(), await open()];
    await put(ledger, 'a');
    await rename(path, `${path}.moved`);
    await expect(ledger.get('a')).rejects.toMatchObject({ code: 'SP_LEDGER_UNAVAILABLE' });
    await open();
    await expect(put(other, 'a')).rejects.toMatchObject({ code: 'SP_LEDGER_UNAVAILABLE' });
  });

  test('holds no record of a transaction that could not take effect anyway', async () => {
    const ledger = await open();
    await put(ledger, 'a');
    const before = await readFile(path);
    const refused = await ledger.transact({
      compare: [{ key: 'a', is: 'absent' }],
      put: [{ key: 'b', value: 1 }],
    });
    expect(refused.ok).toBe(false);
    expect(await readFile(path)).toEqual(before);
  });
});
