// A member's life from its start to its exit code: what it finds, what is logged, what is reaped.
import { spawnSync } from 'node:child_process';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { spInitPath } from './path.ts';
import { buildSpInit, freezerCgroup, start, testFolder, until, type Role } from './testing.ts';

beforeAll(buildSpInit);

const sh = (script: string): string[] => ['sh', '-c', script];
const roles: Role[] = ['pid 1', 'plain'];
const contains = (text: string): unknown => expect.stringContaining(text);

describe.each(roles)('as %s', (role) => {
  const endings = [
    { name: 'success', script: 'exit 0', code: 0, signal: 0 },
    { name: 'a code', script: 'exit 7', code: 7, signal: 0 },
    { name: 'a code that looks like a signal', script: 'exit 137', code: 137, signal: 0 },
    { name: 'SIGTERM', script: 'kill -TERM $$', code: 143, signal: 15 },
    { name: 'SIGKILL', script: 'kill -KILL $$', code: 137, signal: 9 },
  ];
  test.each(endings)('ends as its member: $name', async ({ script, code, signal }) => {
    const init = await start({ role, command: sh(`echo out; echo error >&2; ${script}`) });
    expect((await init.ended).code).toBe(code);
    expect(await init.exitFile()).toEqual({ code, signal, stdoutBytes: 4, stderrBytes: 6 });
    expect(await init.log('stdout')).toBe('out\n');
    expect(await init.log('stderr')).toBe('error\n');
    await expect(readFile(init.control)).rejects.toThrow('ENOENT');
  });

  test('reaps an orphan', async () => {
    const waitForOrphan =
      'n=0; while [ -e /proc/$orphan ]; do n=$((n+1)); [ $n = 500 ] && exit 9; sleep 0.01; done';
    const init = await start({
      role,
      command: sh(`orphan=$(sleep 0.05 >&2 & echo $!); ${waitForOrphan}; exit 3`),
    });
    expect((await init.ended).code).toBe(3);
  });

  test('kills what is left when the member ends, and logs what it wrote before', async () => {
    const folder = await testFolder();
    const left = `trap "" TERM; echo left; echo > ${folder}/wrote; exec sleep 1000`;
    const script = `setsid sh -c '${left}' & while [ ! -e ${folder}/wrote ]; do sleep 0.01; done; exit 5`;
    const init = await start({ role, folder, command: sh(script) });
    expect((await init.ended).code).toBe(5);
    expect(await init.log()).toBe('left\n');
  });

  const unable = [
    { name: 'a missing program', command: ['/no/program'], code: 127, says: 'run /no/program: No such file' },
    { name: 'one missing in PATH', command: ['no-program'], code: 127, says: 'run no-program: No such file' },
    { name: 'a folder', command: ['/etc'], code: 126, says: 'run /etc: Permission denied' },
    {
      name: 'a missing cwd',
      options: ['--cwd', '/no/where'],
      code: 126,
      says: 'enter /no/where: No such file',
    },
    {
      name: 'a missing cgroup',
      options: ['--cgroup', '/no/cg'],
      code: 126,
      says: 'join the cgroup /no/cg: No such',
    },
  ];
  test.each(unable)(
    'says in the stderr log why it could not start: $name',
    async ({ command, options, code, says }) => {
      const init = await start({ role, command: command ?? ['true'], options: options ?? [] });
      expect((await init.ended).code).toBe(code);
      expect(await init.log('stderr')).toContain(`sp-init: cannot ${says}`);
      expect(await init.exitFile()).toMatchObject({ code, signal: 0 });
    },
  );
});

describe('what the member finds', () => {
  test('no files but its three, default signals, its own session, the folder asked for', async () => {
    const look = 'cat /proc/self/status; ls -l /proc/self/fd; pwd; cut -d" " -f6 /proc/self/stat; wc -c';
    // Ignored signals and open files are inherited by sp-init, and must stop there.
    const before = `trap '' INT HUP USR1 PIPE; exec 5</etc/passwd 9</etc/group`;
    const init = await start({ command: sh(`${look}; echo $$`), options: ['--cwd', '/usr/lib'], before });
    expect((await init.ended).code).toBe(0);
    const log = await init.log();
    const lines = log.trim().split('\n');
    expect(log).toMatch(/^SigBlk:\t0+$/m);
    expect(log).toMatch(/^SigIgn:\t0+$/m);
    const files = lines.filter((line) => line.includes(' -> ') && !line.includes('/proc/'));
    expect(
      files.map((line) =>
        line
          .split(/\s+/)
          .slice(-3)
          .join(' ')
          .replace(/\d{2,}/, 'N'),
      ),
    ).toEqual(['0 -> /dev/null', '1 -> pipe:[N]', '2 -> pipe:[N]']);
    const [cwd, session, stdinBytes, pid] = lines.slice(-4);
    expect({ cwd, session, stdinBytes }).toEqual({ cwd: '/usr/lib', session: pid, stdinBytes: '0' });
  });

  test('the environment of sp-init', async () => {
    const init = await start({ command: sh('echo $RANK'), before: 'export RANK=3' });
    await init.ended;
    expect(await init.log()).toBe('3\n');
  });

  const lowestPids = [
    { name: '1000 by default', options: [], pid: 1000, before: ':' },
    { name: 'as asked', options: ['--first-pid', '5000'], pid: 5000, before: ':' },
    {
      name: 'also where /proc/sys is read-only',
      options: ['--first-pid', '300'],
      pid: 300,
      before: 'mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys',
    },
  ];
  test.each(lowestPids)('a pid that is not low: $name', async ({ options, pid, before }) => {
    const init = await start({ command: sh('echo $$; exec sleep 0'), options, before });
    await init.ended;
    expect(Number(await init.log())).toBe(pid);
  });

  test('its cgroup before its first instruction; sp-init stays outside', async () => {
    const cgroup = await freezerCgroup();
    await cgroup.freeze();
    const init = await start({
      command: sh('echo ran; exec sleep 1000'),
      options: ['--cgroup', cgroup.path],
    });
    const client = await init.client();
    await until('the member is in its cgroup', async () => (await cgroup.pids()).length === 1);
    expect(await client.drain()).toMatchObject({ state: 'running', stdoutBytes: 0, drained: true });
    expect(await cgroup.pids()).not.toContain(await init.hostPid());
    await cgroup.thaw();
    await until('the member runs', async () => (await init.log()) === 'ran\n');
    await client.kill();
    await init.ended;
  });
});

describe('what sp-init refuses', () => {
  const longPath = `/tmp/${'x'.repeat(120)}`;
  const wrong = [
    { name: 'an unknown option', options: ['--frobnicate'], says: 'bad option' },
    { name: 'a first pid of 0', options: ['--first-pid', '0'], says: 'bad --first-pid' },
    { name: 'a first pid that is none', options: ['--first-pid', '12x'], says: 'bad --first-pid' },
    {
      name: 'too many cgroups',
      options: Array.from({ length: 17 }, () => '--cgroup=/x'),
      says: 'too many --cgroup',
    },
    { name: 'a control path that is too long', options: ['--control', longPath], says: 'File name too long' },
    {
      name: 'a control path in no folder',
      options: ['--control', '/no/folder'],
      says: 'cannot listen on /no/folder',
    },
    {
      name: 'a log in no folder',
      options: ['--stderr', '/no/folder/x'],
      says: 'cannot open the log /no/folder/x',
    },
  ];
  test.each(wrong)('$name', async ({ options, says }) => {
    const { code, said } = await (await start({ command: ['true'], options })).ended;
    expect(code).toBe(125);
    expect(said).toContain(says);
  });

  test('to start without a command or without its paths', async () => {
    expect(await (await start({ command: [] })).ended).toMatchObject({
      code: 125,
      said: contains('no command'),
    });
    const bare = spawnSync(spInitPath(), ['--', 'true'], { encoding: 'utf8' });
    expect(bare.status).toBe(125);
    expect(bare.stderr).toContain('--control, --stdout, --stderr and --exit-file are needed');
  });

  test('the control path of a living sp-init, or of something else', async () => {
    const folder = await testFolder();
    const first = await start({ folder, command: ['sleep', '1000'] });
    const client = await first.client();
    const second = await start({ folder, command: ['true'] });
    expect(await second.ended).toMatchObject({ code: 125, said: contains('Address already in use') });
    expect(await client.status()).toMatchObject({ state: 'running' });

    const other = await testFolder();
    await writeFile(join(other, 'control'), 'precious');
    expect(await (await start({ folder: other, command: ['true'] })).ended).toMatchObject({ code: 125 });
    expect(await readFile(join(other, 'control'), 'utf8')).toBe('precious');
  });

  test('but takes over from a dead one, whose exit file it removes and whose logs it continues', async () => {
    const folder = await testFolder();
    const first = await start({ folder, command: sh('echo first; exec sleep 1000') });
    await until('it has written', async () => (await first.log()) === 'first\n');
    first.process.kill('SIGKILL');
    await first.ended;
    await writeFile(join(folder, 'exit.json'), '{"code":99}');
    const second = await start({ folder, command: sh('echo second; exec sleep 1000') });
    const client = await second.client();
    await until('it has written', async () => (await second.log()) === 'first\nsecond\n');
    await expect(second.exitFile()).rejects.toThrow('ENOENT');
    expect(await client.status()).toMatchObject({ stdoutBytes: 7 });
  });
});
