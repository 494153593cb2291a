// How long a member may be held: its connections' own timers go on, and must not give up on a peer that is held.
import { fileURLToPath } from 'node:url';
import { exec } from './exec.ts';
import { SettingInvalid } from './errors.ts';
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
 * The longest hold whatever the connections allow. An operator may shorten it: a program's own watchdogs can't be seen.
 * @throws SettingInvalid
 */
export function longestHoldMs(): number {
  const text = process.env['STILLPOINT_HOLD_BUDGET'] ?? '';
  if (text === '') return limits.holdBudgetMs;
  const secondsMax = limits.holdBudgetMs / 1000;
  const seconds = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (seconds >= 1 && seconds <= secondsMax) return seconds * 1000;
  throw new SettingInvalid('STILLPOINT_HOLD_BUDGET', text, `a number of seconds from 1 to ${secondsMax}`);
}

/** How long CRIU may take to dump a member. */
export const dumpDeadlineMs = (): number => longestHoldMs() * limits.dumpBudgets;

/**
 * The longest hold that is safe for connections with these timers: half of the shortest one, since a timer may have
 * been running before the hold; never more than `longestHoldMs`.
 */
export function holdBudgetMs(timers: readonly SocketTimers[]): number {
  const bounds = timers
    .flatMap(({ userTimeoutMs, keepaliveMs }) => [userTimeoutMs, keepaliveMs])
    .filter((ms) => ms > 0);
  return Math.min(longestHoldMs(), ...bounds.map((ms) => Math.floor(ms / 2)));
}
