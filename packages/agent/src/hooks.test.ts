// Hooks in real sandboxes: they see what their member sees, and nothing of them outlives them.
import { readdirSync } from 'node:fs';
import { epochNumber, fenceNumber, gangId, incarnationNumber, memberId } from '@stillpoint/protocol';
import { expect, it } from 'vitest';
import { Hooks } from './hooks.ts';
import { eventually, makeNodes } from './testing/node-fixture.ts';

it('a hook runs in its member’s sandbox, and is gone with all that it has started', async () => {
  await using nodes = await makeNodes(1);
  const record = await nodes.launch(1, [
    'sh',
    '-c',
    'echo 7 >/tmp/here; trap "echo told" USR1; while :; do sleep 0.05; done',
  ]);
  await eventually(
    async () => (await nodes.status(record)).state === 'running' || undefined,
    'a member that runs',
  );
  const hooks = new Hooks(nodes.freezer, 'n1');
  let asked = 0;
  const run = (script: string, { deadlineMs = 5_000, hook = `h${(asked += 1)}`, epoch = 1 } = {}) =>
    hooks.run(
      {
        kind: 'RunHook',
        fence: fenceNumber(1),
        gang: gangId('g'),
        incarnation: incarnationNumber(1),
        epoch: epochNumber(epoch),
        member: memberId(11),
        hook,
        program: {
          command: ['sh', '-c', script],
          cwd: '/usr',
          environment: { PATH: '/usr/bin:/bin', STILLPOINT_PHASE: 'freeze' },
        },
        deadlineMs,
      },
      record,
    );
  const cgroups = (): string[] => readdirSync(nodes.freezer.root).filter((name) => name.includes('-hook-'));

  // files, processes, network, folder and environment are the member's
  expect(
    await run(
      'cat /tmp/here; pwd; echo $STILLPOINT_PHASE; ip -brief address show eth0; readlink /proc/1/exe',
    ),
  ).toMatchObject({
    exitCode: 0,
    isOverdue: false,
    output: expect.stringMatching(/^7\n\/usr\nfreeze\neth0.*10\.233\.1\.10.*sp-init/s),
  });
  expect(await run('echo why >&2; exit 3')).toMatchObject({ exitCode: 3, output: 'why\n' });
  expect(await run('kill -9 $$')).toMatchObject({ exitCode: null, isOverdue: false });

  // it hangs, and so does what it has started
  const startedMs = performance.now();
  expect(await run('setsid sleep 1000 & sleep 1000', { deadlineMs: 300 })).toMatchObject({
    exitCode: null,
    isOverdue: true,
  });
  expect(performance.now() - startedMs).toBeLessThan(5_000);
  // it ends, and leaves something behind that keeps its output open
  expect(await run('setsid sleep 1001 & echo done')).toMatchObject({ exitCode: 0, output: 'done\n' });
  expect(cgroups()).toEqual([]);
  const { output } = await run('cat /proc/*/cmdline 2>/dev/null | tr "\\0" " "');
  expect(output).not.toMatch(/sleep 100[01]/);

  // asked twice it runs once; in the next epoch again
  const twice = { hook: 'count', epoch: 1 };
  const both = await Promise.all([run('echo x >>/tmp/count; wc -l </tmp/count', twice), run('never', twice)]);
  expect(both.map((answer) => answer.output)).toEqual(['1\n', '1\n']);
  expect(await run('wc -l </tmp/count; echo x >>/tmp/count', { hook: 'count', epoch: 2 })).toMatchObject({
    output: '1\n',
  });

  // what an agent has left that was killed is ended by the next
  void run('sleep 1002', { deadlineMs: 60_000 });
  await eventually(async () => cgroups().length === 1 || undefined, 'a hook that runs');
  await new Hooks(nodes.freezer, 'n1').recover();
  expect(cgroups()).toEqual([]);
  expect((await nodes.status(record)).state).toBe('running');
});
