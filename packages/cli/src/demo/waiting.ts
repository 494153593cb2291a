// Waiting for work that is under way elsewhere.
import { setTimeout as delay } from 'node:timers/promises';
import { formatMs } from '../format/units.ts';
import { DemoOffScript } from './errors.ts';

/** A look at work that is under way: its result, once it is there. */
export function settled<Result>(work: Promise<Result>): () => Result | undefined {
  let outcome: { readonly result: Result } | { readonly error: unknown } | undefined;
  work.then(
    (result) => (outcome = { result }),
    (error: unknown) => (outcome = { error }),
  );
  return () => {
    if (outcome !== undefined && 'error' in outcome) throw outcome.error;
    return outcome?.result;
  };
}

/** @throws `SP_DEMO_OFF_SCRIPT` when the work takes longer than its deadline */
export async function within<Result>(
  work: Promise<Result>,
  deadlineMs: number,
  what: string,
): Promise<Result> {
  const timer = new AbortController();
  const late = delay(deadlineMs, undefined, { signal: timer.signal }).then(() => {
    throw new DemoOffScript(`waited ${formatMs(deadlineMs)} in vain for ${what}`);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    timer.abort();
    late.catch(() => undefined);
  }
}
