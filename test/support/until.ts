// Waiting for a condition with a deadline: tests never sleep for a time that is hoped to suffice.
import { setTimeout as delay } from 'node:timers/promises';

const pollMs = 20;

/** What a check found, or undefined to be asked again. */
export type Check<Found> = () => Promise<Found | undefined> | Found | undefined;

/**
 * Asks until there is an answer.
 *
 * @param what is waited for, as the end of the sentence "it did not come to ..."
 * @throws when the deadline passes, with the last error of the check as the cause
 */
export async function until<Found>(check: Check<Found>, what: string, deadlineMs = 30_000): Promise<Found> {
  const end = performance.now() + deadlineMs;
  let last: unknown;
  for (;;) {
    try {
      const found = await check();
      if (found !== undefined && found !== false) return found;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end) {
      const why = last instanceof Error ? ` (${last.message})` : '';
      throw new Error(`it did not come to ${what} within ${deadlineMs} ms${why}`, { cause: last });
    }
    await delay(pollMs);
  }
}
