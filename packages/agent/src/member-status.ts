// What a member on this node does now, asked of the kernel and of its sandbox.
import { readFile } from 'node:fs/promises';
import { gangId, incarnationNumber, memberId, type MemberStatus } from '@stillpoint/protocol';
import { cgroupProcesses, type Freezer, isFrozen } from './freezer.ts';
import { listHolds } from './hold.ts';
import { isSandboxAlive, readExit, type UsedSlot } from './sandbox-record.ts';

/** What a member does now. */
export async function memberStatus(used: UsedSlot, freezer: Freezer): Promise<MemberStatus> {
  const processes = await cgroupProcesses(used.slot.cgroup);
  const common = {
    gang: gangId(used.gang),
    incarnation: incarnationNumber(used.incarnation),
    member: memberId(used.member),
    addresses: used.slot.addresses,
    processes: processes.length,
    residentBytes: await residentBytes(processes),
    stdoutPath: used.sandbox?.stdoutPath ?? '',
    stderrPath: used.sandbox?.stderrPath ?? '',
  };
  if (used.sandbox === undefined) return { ...common, state: 'allocated' };
  const exit = await readExit(used.slot);
  if (exit !== undefined) return { ...common, state: 'exited', exitCode: exit.code };
  if (!(await isSandboxAlive(used.sandbox))) return { ...common, state: 'lost' };
  if ((await listHolds(used.slot.namespace)).length > 0) return { ...common, state: 'held' };
  if (await isFrozen(freezer, used.slot.cgroup)) return { ...common, state: 'frozen' };
  return { ...common, state: processes.length === 0 ? 'awaiting-restore' : 'running' };
}

/** Resident memory of processes, in bytes; those that have ended meanwhile count nothing. */
async function residentBytes(pids: readonly number[]): Promise<number> {
  const pageBytes = 4096;
  let pages = 0;
  for (const pid of pids) {
    try {
      pages += Number((await readFile(`/proc/${pid}/statm`, 'utf8')).split(' ')[1]);
    } catch {
      continue;
    }
  }
  return pages * pageBytes;
}
