// A sandbox whose agent was killed between starting it and writing it down: found again by its network.
import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { SpInitClient } from '@stillpoint/sp-init';
import { limits } from './limits.ts';
import { processesIn } from './network.ts';
import { controlSocket, readExit, type SandboxSlot } from './sandbox-record.ts';

/**
 * What an earlier agent had started in the slot and did not live to write down: its peers may be connected to it.
 * @returns its PID 1 once that answers, 0 when it has ended since, undefined when there is nothing
 */
export async function findUnrecorded(slot: SandboxSlot): Promise<number | undefined> {
  const end = performance.now() + limits.sandboxStartMs;
  while (performance.now() < end) {
    const pids = await processesIn([slot.namespace]);
    if (pids.length === 0) return (await readExit(slot)) === undefined ? undefined : 0;
    const initPid = (await Promise.all(pids.map(asInit))).find((pid) => pid !== undefined);
    if (initPid !== undefined && (await isAnswered(slot))) return initPid;
    await delay(limits.agentStartPollMs);
  }
  return undefined;
}

/** @returns the pid if it is PID 1 of a namespace below this process's own */
async function asInit(pid: number): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return /^NSpid:\s+\d+\s+1$/m.test(status) ? pid : undefined;
}

const isAnswered = (slot: SandboxSlot): Promise<boolean> =>
  SpInitClient.connect(controlSocket(slot), { deadlineMs: limits.helperCommandMs }).then(
    (client) => {
      client.close();
      return true;
    },
    () => false,
  );
