// The processes of a Stillpoint that watch over a gang, without the gang's own: what CPU time they took, and stopping them.
import { readdir, readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import type { HomePaths } from '@stillpoint/agent';
import { cpuMsOf } from './proc-stat.ts';

export const kinds = ['coordinator', 'agents', 'sp-init', 'other'] as const;
export type Kind = (typeof kinds)[number];

export interface Watcher {
  readonly pid: number;
  readonly kind: Kind;
}

/** Everything that runs for this state folder; its gangs' programs must not name it in their arguments. */
export async function findWatchers({ home, runtime }: HomePaths): Promise<readonly Watcher[]> {
  const found: Watcher[] = [];
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const args = (await readFile(`/proc/${entry}/cmdline`, 'utf8').catch(() => '')).split('\0');
    if (args.some((arg) => arg === home || arg.startsWith(`${home}/`) || arg.startsWith(`${runtime}/`)))
      found.push({ pid: Number(entry), kind: kindOf(args) });
  }
  return found;
}

function kindOf(args: readonly string[]): Kind {
  if (basename(args[0] ?? '') === 'sp-init') return 'sp-init';
  if (args[2] !== '--home') return 'other';
  return args.includes('--node') ? 'agents' : 'coordinator';
}

/** CPU time of each kind up to now, in milliseconds; that of helpers is their parents' once they have ended. */
export async function readCpuMs(watchers: readonly Watcher[]): Promise<Readonly<Record<Kind, number>>> {
  const taken: Record<Kind, number> = { coordinator: 0, agents: 0, 'sp-init': 0, other: 0 };
  for (const { pid, kind } of watchers) taken[kind] += cpuMsOf(await readFile(`/proc/${pid}/stat`, 'utf8'));
  return taken;
}

export function signalAll(watchers: readonly Watcher[], signal: 'SIGSTOP' | 'SIGCONT'): void {
  for (const { pid } of watchers) process.kill(pid, signal);
}
