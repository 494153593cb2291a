// Processes that CRIU can't seize are found, running and frozen.
import { afterAll, expect, it } from 'vitest';
import { type ChildProcess, spawn } from 'node:child_process';
import { preflightMember } from './preflight.ts';
import { freezeMember } from './member-cut.ts';
import { thaw } from './freezer.ts';
import { haltedProcesses } from './halted-processes.ts';
import { eventually, makeNodes } from './testing/node-fixture.ts';

const python = (program: string): string[] => ['/usr/bin/python3', '-c', program];
const vault = { freeBytes: () => Promise.resolve(4711) };

const stopped = python(`import os, signal, time
if os.fork() == 0: os.kill(os.getpid(), signal.SIGSTOP)
time.sleep(600)`);

it.each(['v1', 'v2'] as const)(
  'names a process that is stopped (%s)',
  { timeout: 60_000 },
  async (version) => {
    await using nodes = await makeNodes(1, version);
    const { paths, freezer } = nodes;
    const record = await nodes.launch(1, stopped);
    const context = { paths, freezer, record };
    const found = await eventually(async () => {
      const { blockers } = await preflightMember(context, vault, 'refuse');
      return blockers.find(({ code }) => code === 'SP_BLOCKED_STOPPED');
    }, 'a blocker');
    expect(found.message).toMatch(/python3\) is stopped by a signal$/);

    await expect(freezeMember(context, 2_000)).rejects.toMatchObject({ code: 'SP_PROCESS_HALTED' });
    await thaw(freezer, record.slot.cgroup);
  },
);

const children: ChildProcess[] = [];
afterAll(() => children.forEach((child) => child.kill('SIGKILL')));

it('names a process that is traced, and by whom; one that merely sleeps is none', async () => {
  const program = `import ctypes, os, time
child = os.fork()
if child == 0: time.sleep(600)
ctypes.CDLL(None).ptrace(0x4206, child, 0, 0)
print(child, flush=True)
time.sleep(600)`;
  const tracer = spawn('/usr/bin/python3', ['-c', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  children.push(tracer);
  const traced = Number(await new Promise<Buffer>((resolve) => tracer.stdout.once('data', resolve)));
  expect(await haltedProcesses([tracer.pid ?? 0])).toEqual([]);
  expect(await haltedProcesses([traced])).toMatchObject([
    { code: 'SP_BLOCKED_TRACED', what: `(process ${traced}, python3) is traced by process ${tracer.pid}` },
  ]);
  process.kill(traced, 'SIGKILL');
});
