// Waiting for a condition with a deadline.
import { setTimeout as delay } from 'node:timers/promises';
import { limits } from './limits.ts';

/**
 * Asks until there is an answer.
 * @param what as the end of the sentence "waited in vain for …"
 * @throws when the deadline passes, and the signal's reason
 */
export async function until<Found>(
  what: string,
  deadlineMs: number,
  signal: AbortSignal,
  look: () => Promise<Found | undefined> | Found | undefined,
): Promise<Found> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > end) throw new Error(`waited ${deadlineMs} ms in vain for ${what}`);
    await delay(limits.pollMs, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}
