// Processes of this machine as /proc shows them, and their end within a bounded time.
import { readdir, readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { DemoOffScript } from './errors.ts';
import { limits } from './limits.ts';

/** A PID that is not mistaken for another process that has it later. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks from the machine's start to the process's. */
  readonly startTicks: string;
}

/** Undefined when there is no such process, or only its exit status is left of it. */
export async function identify(pid: number): Promise<ProcessIdentity | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // the command's name is in parentheses and may have any character in it
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    const startTicks = fields[19];
    return startTicks === undefined || fields[0] === 'Z' ? undefined : { pid, startTicks };
  } catch {
    return undefined;
  }
}

export async function isAlive({ pid, startTicks }: ProcessIdentity): Promise<boolean> {
  return (await identify(pid))?.startTicks === startTicks;
}

/** Processes whose arguments fulfil a condition. */
export async function findProcesses(
  isWanted: (args: readonly string[]) => boolean,
): Promise<readonly ProcessIdentity[]> {
  const found: ProcessIdentity[] = [];
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const text = await readFile(`/proc/${entry}/cmdline`, 'utf8').catch(() => '');
    if (text === '' || !isWanted(text.split('\0'))) continue;
    const identity = await identify(Number(entry));
    if (identity !== undefined) found.push(identity);
  }
  return found;
}

/** SIGTERM, and SIGKILL for one that is still there after its time. Returns once it is gone. */
export async function terminate(target: ProcessIdentity): Promise<void> {
  await signal(target, 'SIGTERM');
  if (await isGoneWithin(target, limits.terminateMs)) return;
  await signal(target, 'SIGKILL');
  if (!(await isGoneWithin(target, limits.terminateMs)))
    throw new DemoOffScript(`process ${target.pid} does not die`);
}

async function signal(target: ProcessIdentity, name: NodeJS.Signals): Promise<void> {
  if (!(await isAlive(target))) return;
  try {
    process.kill(target.pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function isGoneWithin(target: ProcessIdentity, deadlineMs: number): Promise<boolean> {
  const end = performance.now() + deadlineMs;
  while (await isAlive(target)) {
    if (performance.now() > end) return false;
    await delay(limits.terminatePollMs);
  }
  return true;
}
