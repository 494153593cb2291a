// Work that has to succeed: tried again for as long as what stands in its way may pass.
import { pause } from '@stillpoint/clock';
import { StillpointError } from '@stillpoint/protocol';
import type { Context } from './context.ts';
import { limits } from './limits.ts';

/**
 * Repeats what fails for a passing reason, with growing pauses, until the coordinator ends.
 *
 * @param about fields of its lines in the log
 * @throws what is no passing reason; the closing signal's reason
 */
export async function persistently<Result>(
  { clock, log, closing }: Pick<Context, 'clock' | 'log' | 'closing'>,
  what: string,
  work: () => Promise<Result>,
  about: Readonly<Record<string, unknown>> = {},
): Promise<Result> {
  for (let wait: number = limits.retryFirstMs; ; wait = Math.min(wait * 2, limits.retryLongestMs)) {
    closing.throwIfAborted();
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof StillpointError) || !error.retryable || error.code === 'SP_LEADER_LOST')
        throw error;
      log.warn({ ...about, err: error }, `${what}: tried again`);
      await pause(clock, wait, { signal: closing });
    }
  }
}

/** Work in the background. What it can't get over ends the coordinator. */
export function inBackground(
  { closing, fatal }: Pick<Context, 'closing' | 'fatal'>,
  work: Promise<unknown>,
): void {
  work.catch((error: unknown) => {
    if (!closing.aborted) fatal(error);
  });
}
