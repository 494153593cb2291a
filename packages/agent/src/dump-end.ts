// The end of a member's dump, whichever agent began it: CRIU is done, was killed, or is not done in time.
import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { awaitCriu, type CriuExit, endCriu, wasCriuStarted } from './criu-process.ts';
import { cgroupProcesses, killCgroup } from './freezer.ts';
import { dumpDeadlineMs } from './hold-budget.ts';
import type { MemberContext } from './member-cut.ts';
import { isSandboxThere } from './sandbox-record.ts';

/** From this exit status on a signal has ended CRIU. */
const signalledStatus = 129;

/**
 * Waits for the dump, and ends it where it is overdue. A CRIU that is killed with the member in its hands leaves it
 * with sockets in repair mode: such a member is killed too, still frozen, for it must not run on.
 */
export async function awaitDump(context: MemberContext, staging: string): Promise<CriuExit> {
  const exit = await awaitCriu(staging, 'dump', dumpDeadlineMs());
  if (exit.exitCode !== undefined) {
    if (exit.exitCode >= signalledStatus) await killMember(context);
    return exit;
  }
  const isInHand = await isTraced(context);
  await endCriu(staging, 'dump');
  if (isInHand) await killMember(context);
  return exit;
}

/** Whether a dump was started that has not ended. */
export async function isDumpUnderWay(staging: string): Promise<boolean> {
  const has = (name: string): Promise<boolean> =>
    access(join(staging, name)).then(
      () => true,
      () => false,
    );
  return (await has('dump.out')) && !(await has('dump.exit')) && (await wasCriuStarted(staging, 'dump'));
}

/** Another may have its place by now. */
async function killMember({ freezer, record }: MemberContext): Promise<void> {
  if (await isSandboxThere(record)) await killCgroup(freezer, record.slot.cgroup);
}

/** Whether any of the member's processes is stopped by ptrace. */
async function isTraced({ record }: MemberContext): Promise<boolean> {
  const pids = await cgroupProcesses(record.slot.cgroup);
  const states = await Promise.all(
    pids.map((pid) => readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')),
  );
  return states.some((text) => /^TracerPid:\s+[1-9]/m.test(text));
}
