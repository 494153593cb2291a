// Follows a gang's output over its restores until it ends: files are looked at often, the coordinator now and then.
import { setTimeout as delay } from 'node:timers/promises';
import type { GangLogs, WaitResult } from '@stillpoint/coordinator';
import { limits } from '../limits.ts';

export interface FollowOptions {
  /** Which files make up the output now. */
  readonly segments: () => Promise<GangLogs>;
  /** Resolves when the gang has ended. */
  readonly ended: Promise<WaitResult>;
  readonly writeNew: (logs: GangLogs) => Promise<void>;
  /** The gang was restored: what follows is another incarnation's. */
  readonly onIncarnation: (logs: GangLogs) => void;
  readonly signal: AbortSignal;
}

/** @returns how the gang ended @throws the signal's reason */
export async function follow(options: FollowOptions): Promise<WaitResult> {
  const { signal } = options;
  let ended: WaitResult | undefined;
  let failure: { readonly error: unknown } | undefined;
  options.ended.then(
    (result) => (ended = result),
    (error: unknown) => (failure = { error }),
  );
  let logs = await options.segments();
  for (let asked = performance.now(); ;) {
    // whatever was written before the end is in the files by now: one more look after it misses nothing
    const last = ended;
    if (last !== undefined || performance.now() - asked > limits.logSegmentsPollMs) {
      const fresh = await options.segments();
      if (fresh.incarnation !== logs.incarnation) {
        // the old incarnation's files are in the new list too, up to the cut
        await options.writeNew(logs);
        options.onIncarnation(fresh);
      }
      logs = fresh;
      asked = performance.now();
    }
    await options.writeNew(logs);
    if (last !== undefined) return last;
    if (failure !== undefined) throw failure.error;
    await delay(limits.logPollMs, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
}
