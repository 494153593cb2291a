// How long a member may be held: its connections' own timers go on, and must not give up on a peer that is held.
import { fileURLToPath } from 'node:url';
import { exec } from './exec.ts';
import { limits } from './limits.ts';

const program = fileURLToPath(new URL('../build/socket-timers', import.meta.url));

/** Time-outs of one TCP connection in ms; 0: it has none. */
export interface SocketTimers {
  readonly userTimeoutMs: number;
  readonly keepaliveMs: number;
}

/** TCP time-outs of processes, as their sockets tell them. */
export async function readSocketTimers(pids: readonly number[]): Promise<SocketTimers[]> {
  if (pids.length === 0) return [];
  const { stdout } = await exec(program, pids.map(String));
  return stdout
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [userTimeoutMs, keepaliveMs] = line.split(' ').map(Number);
      return { userTimeoutMs: userTimeoutMs ?? 0, keepaliveMs: keepaliveMs ?? 0 };
    });
}

/**
 * The longest hold that is safe for connections with these timers: half of the shortest one, since a timer may have
 * been running before the hold; never more than the default.
 */
export function holdBudgetMs(timers: readonly SocketTimers[]): number {
  const bounds = timers
    .flatMap(({ userTimeoutMs, keepaliveMs }) => [userTimeoutMs, keepaliveMs])
    .filter((ms) => ms > 0);
  return Math.min(limits.holdBudgetMs, ...bounds.map((ms) => Math.floor(ms / 2)));
}
