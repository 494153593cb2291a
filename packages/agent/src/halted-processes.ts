// Processes that a signal has stopped or a debugger has in its hands: CRIU can't seize them, and a seizure of one
// that is stopped and frozen never ends.
import { readFile } from 'node:fs/promises';

/** Why a process stands in the way of a checkpoint. */
export interface ProcessObstacle {
  readonly code: string;
  readonly what: string;
  readonly remedy: string;
}

/** @param pids a member's processes, running or frozen, as pids of this process's namespace */
export async function haltedProcesses(pids: readonly number[]): Promise<ProcessObstacle[]> {
  return (await Promise.all(pids.map(haltedProcess))).filter((process) => process !== undefined);
}

async function haltedProcess(pid: number): Promise<ProcessObstacle | undefined> {
  const [status, wait] = await Promise.all(
    ['status', 'wchan'].map((name) => readFile(`/proc/${pid}/${name}`, 'utf8').catch(() => '')),
  );
  const [, name] = /^Name:\s+(.*)$/m.exec(status ?? '') ?? [];
  const [, tracer] = /^TracerPid:\s+([1-9]\d*)$/m.exec(status ?? '') ?? [];
  if (tracer !== undefined)
    return {
      code: 'SP_BLOCKED_TRACED',
      what: `(process ${pid}, ${name}) is traced by process ${tracer}`,
      remedy: 'Detach the debugger or tracer (gdb, strace, py-spy) before a checkpoint.',
    };
  // a process that is frozen too has another state
  if (/^State:\s+T/m.test(status ?? '') || wait === 'do_signal_stop')
    return {
      code: 'SP_BLOCKED_STOPPED',
      what: `(process ${pid}, ${name}) is stopped by a signal`,
      remedy: `Let it go on (kill -CONT ${pid}) before a checkpoint, or end it.`,
    };
  return undefined;
}
