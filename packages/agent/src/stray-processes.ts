// Processes in namespaces that are not the sandbox's: CRIU dumps some of them without a word, and restores none.
import { readFile, readlink } from 'node:fs/promises';
import type { ProcessObstacle } from './halted-processes.ts';

/** Without `time`: CRIU gives one to every member that it restores. */
const kinds = ['net', 'mnt', 'pid', 'pid_for_children', 'ipc', 'uts', 'user'] as const;

/**
 * @param init the process whose namespaces are the sandbox's
 * @param pids a member's processes, as pids of this process's namespace
 */
export async function strayProcesses(init: number, pids: readonly number[]): Promise<ProcessObstacle[]> {
  const home = await namespacesOf(init);
  const found = await Promise.all(
    pids.map(async (pid) => {
      const own = await namespacesOf(pid);
      const isStrange = (index: number): boolean =>
        own[index] !== '' && home[index] !== '' && own[index] !== home[index];
      const strange = kinds.filter((_, index) => isStrange(index));
      return strange.length === 0 ? [] : [await obstacle(pid, strange)];
    }),
  );
  return found.flat();
}

async function obstacle(pid: number, strange: readonly string[]): Promise<ProcessObstacle> {
  const name = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '');
  return {
    code: 'SP_BLOCKED_NAMESPACE',
    what: `(process ${pid}, ${name.trim()}) is in a namespace of its own: ${strange.join(', ')}`,
    remedy: 'Run the program without what isolates it within the member (unshare, bwrap, apptainer).',
  };
}

/** '' for what can't be read: the process has ended meanwhile. */
const namespacesOf = (pid: number): Promise<string[]> =>
  Promise.all(kinds.map((kind) => readlink(`/proc/${pid}/ns/${kind}`).catch(() => '')));
