// The bound on every wait of the vault: a call ends when it is aborted or makes no progress, even if the disk hangs.
import { StillpointError } from '@stillpoint/protocol';
import { VaultAbortedError, VaultUnavailableError } from './errors.ts';
import { vaultLimits } from './limits.ts';

export interface Guard {
  /** Aborted by the caller, or because nothing happened for too long. */
  readonly signal: AbortSignal;
  /** Tells that something happened. */
  readonly moved: () => void;
}

/**
 * Runs one call of the vault under its bounds. On the caller's abort and on a stall the work is told by its signal
 * and has a moment to clean up; then it is left behind.
 *
 * @throws `SP_VAULT_ABORTED`, `SP_VAULT_UNAVAILABLE`, and what the work throws.
 */
export async function guarded<T>(
  what: string,
  signal: AbortSignal | undefined,
  work: (guard: Guard) => Promise<T>,
): Promise<T> {
  const controller = new AbortController();
  const stalled = (): void => {
    controller.abort(
      new VaultUnavailableError(`${what}: no progress for ${vaultLimits.stallDeadlineMs} ms`, {
        remedy: 'Check the disk or network file system that holds the vault, then try again.',
        retryable: true,
      }),
    );
  };
  const aborted = (): void => controller.abort(new VaultAbortedError(what, signal?.reason));
  const stallTimer = setTimeout(stalled, vaultLimits.stallDeadlineMs);
  let cleanUpTimer: NodeJS.Timeout | undefined;
  const leftBehind = new Promise<never>((_, reject) => {
    controller.signal.addEventListener('abort', () => {
      cleanUpTimer = setTimeout(() => reject(reasonOf(controller.signal)), vaultLimits.cleanUpDeadlineMs);
    });
  });
  if (signal?.aborted) aborted();
  signal?.addEventListener('abort', aborted);

  try {
    controller.signal.throwIfAborted();
    return await Promise.race([
      work({ signal: controller.signal, moved: () => stallTimer.refresh() }),
      leftBehind,
    ]);
  } catch (error) {
    // What an abort makes streams throw says nothing; its reason does.
    const isOurs = error instanceof StillpointError;
    throw controller.signal.aborted && !isOurs ? reasonOf(controller.signal) : error;
  } finally {
    clearTimeout(stallTimer);
    clearTimeout(cleanUpTimer);
    signal?.removeEventListener('abort', aborted);
  }
}

function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason));
}
