// Killing what would rather live on, with cgroup v1 and v2.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmdir } from 'node:fs/promises';
import { expect, it } from 'vitest';
import { cgroupProcesses, createCgroup, findFreezer, killCgroup, removeCgroup, thaw } from './freezer.ts';
import { eventually } from './testing/node-fixture.ts';

/** 150 processes, each of which has become another one before its number can be read and used. */
const wildForks = 'for (1..150) { if (!fork) { while (1) { exit if fork } } } sleep 1000';
/** The program is alone in the cgroup; all of it ends with the shell, which is PID 1 of its namespace. */
const runInCgroup = '(echo 0 >"$1/cgroup.procs"; exec perl -e "$2") & while :; do wait; sleep 0.1; done';

it.each(['v1', 'v2'] as const)('a cgroup that forks wildly dies (%s)', async (version) => {
  const freezer = await findFreezer(`test-${process.pid}`, version);
  const cgroup = await createCgroup(freezer, 'wild');
  const args = ['--pid', '--fork', '--kill-child', 'sh', '-c', runInCgroup, 'sh', cgroup, wildForks];
  const shell = spawn('unshare', args, { stdio: 'inherit' });
  try {
    await eventually(
      async () => ((await cgroupProcesses(cgroup)).length > 60 ? true : undefined),
      'a crowd of processes',
    );
    await killCgroup(freezer, cgroup);
    expect(await cgroupProcesses(cgroup)).toEqual([]);
  } finally {
    await thaw(freezer, cgroup);
    shell.kill('SIGKILL');
    await once(shell, 'exit');
    await removeCgroup(cgroup);
    await rmdir(freezer.root);
  }
});
