// The file store among real processes: racing, killed, and out of room.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openFileLedger } from './file-ledger.ts';
import { needPrivateMounts, startChild } from './testing/child.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ledger-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true });
});

const waitMs = 30_000;

test('two processes race for 1000 keys: each has exactly one winner, and both name it', async () => {
  const ledger = await openFileLedger(folder);
  const racers = ['left', 'right'].map((name) =>
    startChild(new URL('./testing/racer.ts', import.meta.url), [folder, name, '1000']),
  );
  await vi.waitFor(
    async () => {
      expect((await ledger.list('ready/')).entries).toHaveLength(2);
    },
    { timeout: waitMs, interval: 20 },
  );
  await ledger.transact({ compare: [], put: [{ key: 'go', value: true }] });

  expect(await Promise.all(racers.map(async ({ ended }) => await ended))).toEqual([0, 0]);
  const [left, right] = racers.map(
    ({ printed }) => JSON.parse(printed()) as { created: boolean; winner: string }[],
  );
  const { entries } = await ledger.list('decision/');
  const values = new Map(entries.map(({ key, value }) => [key, value]));
  expect(values.size).toBe(1000);
  for (let key = 0; key < 1000; key += 1) {
    const winner = values.get(`decision/${key}`);
    expect(left![key]).toEqual({ created: winner === 'left', winner });
    expect(right![key]).toEqual({ created: winner === 'right', winner });
  }
  await ledger.close();
});

test('a writer killed again and again loses nothing that was acknowledged', async () => {
  const acknowledged = new Map<string, number>();
  for (let round = 0; round < 15; round += 1) {
    const prefix = `round/${round}`;
    // Large records, so that a kill may cut one short.
    const writer = startChild(new URL('./testing/writer.ts', import.meta.url), [
      folder,
      prefix,
      String(200_000),
    ]);
    const enough = 1 + (round % 5);
    await vi.waitFor(() => expect(writer.printed().split('\n').length).toBeGreaterThan(enough), {
      timeout: waitMs,
      interval: 1 + round,
    });
    writer.process.kill('SIGKILL');
    expect(await writer.ended).toBe('SIGKILL');
    acknowledged.set(prefix, writer.printed().trim().split('\n').length);

    const ledger = await openFileLedger(folder);
    for (const [written, count] of acknowledged) {
      const { entries } = await ledger.list(`${written}/`);
      expect(entries.length).toBeGreaterThanOrEqual(count);
      expect(entries.length).toBeLessThanOrEqual(count + 1);
      for (const { key, value } of entries) {
        expect(value).toBe(key.slice(written.length + 1).padEnd(200_000, '.'));
      }
    }
    await ledger.close();
  }
});

test('a full disk is SP_LEDGER_FULL, and all is well again once there is room', async (context) => {
  needPrivateMounts(context);
  const filler = startChild(new URL('./testing/filler.ts', import.meta.url), [folder], {
    at: folder,
    bytes: 1024 * 1024,
  });
  expect(await filler.ended).toBe(0);
  expect(filler.printed()).toMatch(/\d+ acknowledged/);
});
