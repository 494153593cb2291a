// The bounds on the vault's waits, with a disk that never answers.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { VaultFullError } from './errors.ts';
import { guarded } from './guard.ts';
import { vaultLimits } from './limits.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  const left = vi.getTimerCount();
  vi.useRealTimers();
  if (left > 0) throw new Error(`${left} timers were left`);
});

const never = new Promise<never>(() => {});
const { stallDeadlineMs, cleanUpDeadlineMs } = vaultLimits;

/** What it has come to so far: a code, a value, or nothing yet. */
function watched(work: Promise<string>): { outcome: string | undefined } {
  const seen: { outcome: string | undefined } = { outcome: undefined };
  work.then(
    (value) => (seen.outcome = value),
    (error: { code?: string }) => (seen.outcome = String(error.code)),
  );
  return seen;
}

test('work that makes progress may take as long as it needs', async () => {
  let end: ((value: string) => void) | undefined;
  const seen = watched(
    guarded('reading', undefined, async ({ moved }) => {
      const timer = setInterval(moved, stallDeadlineMs - 1);
      const value = await new Promise<string>((resolve) => (end = resolve));
      clearInterval(timer);
      return value;
    }),
  );
  await vi.advanceTimersByTimeAsync(10 * stallDeadlineMs);
  expect(seen.outcome).toBeUndefined();
  end?.('done');
  await vi.advanceTimersByTimeAsync(0);
  expect(seen.outcome).toBe('done');
});

test('work that stalls is told, and ends with SP_VAULT_UNAVAILABLE naming it', async () => {
  const work = guarded('reading X', undefined, async ({ signal }) => {
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('cleaned up'))));
  });
  const failed = work.catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(stallDeadlineMs);
  expect(await failed).toMatchObject({ code: 'SP_VAULT_UNAVAILABLE', retryable: true });
  expect(String(await failed)).toContain('reading X: no progress');
});

test('work that hangs for ever is left behind', async () => {
  const seen = watched(guarded('reading', undefined, async () => await never));
  await vi.advanceTimersByTimeAsync(stallDeadlineMs + cleanUpDeadlineMs - 1);
  expect(seen.outcome).toBeUndefined();
  await vi.advanceTimersByTimeAsync(1);
  expect(seen.outcome).toBe('SP_VAULT_UNAVAILABLE');
});

test('so it is when it was aborted', async () => {
  const controller = new AbortController();
  const seen = watched(guarded('reading', controller.signal, async () => await never));
  controller.abort();
  await vi.advanceTimersByTimeAsync(cleanUpDeadlineMs);
  expect(seen.outcome).toBe('SP_VAULT_ABORTED');
});

test('a coded error of the work itself is not hidden by an abort', async () => {
  const controller = new AbortController();
  const work = guarded('writing', controller.signal, async () => {
    controller.abort();
    await Promise.reject(new VaultFullError('/vault', undefined));
  });
  await expect(work).rejects.toMatchObject({ code: 'SP_VAULT_FULL' });
});
