// What sp-init outlives, and what does not keep it: its starter, members that cannot die, a place for its exit file.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { SpInitClient } from './client.ts';
import { spInitPath } from './path.ts';
import { parseExitFile } from './status.ts';
import { buildSpInit, freezerCgroup, start, testFolder, until } from './testing.ts';

beforeAll(buildSpInit);

const sh = (script: string): string[] => ['sh', '-c', script];

test('survives the death of who started it, and holds nothing of it open', async () => {
  const folder = await testFolder();
  const paths = ['--control', 'control', '--stdout', 'out', '--stderr', 'err', '--exit-file', 'exit.json'];
  const member = `echo started; while [ ! -e ${folder}/go ]; do sleep 0.01; done; echo done; echo error >&2; exit 8`;
  const starter = spawn('unshare', ['--pid', '--fork', spInitPath(), ...paths, '--', 'sh', '-c', member], {
    cwd: folder,
    detached: true,
    stdio: 'pipe',
  });
  const died = once(starter, 'close');
  onTestFinished(() => {
    // sp-init is in the starter's process group: this ends its namespace, unless all has ended as it should.
    spawnSync('kill', ['-KILL', '--', `-${starter.pid}`]);
  });
  const client = await SpInitClient.connect(join(folder, 'control'));
  await until('the member runs', async () => (await readFile(join(folder, 'out'), 'utf8')) === 'started\n');
  starter.kill('SIGKILL');
  // It closes only when nobody else has the starter's pipes open.
  await died;
  expect(await client.status()).toMatchObject({ state: 'running' });
  await mkdir(join(folder, 'go'));
  const text = await until('the exit file', () => readFile(join(folder, 'exit.json'), 'utf8'));
  expect(parseExitFile(text)).toEqual({ code: 8, signal: 0, stdoutBytes: 13, stderrBytes: 6 });
  expect(await readFile(join(folder, 'out'), 'utf8')).toBe('started\ndone\n');
});

test('a frozen member dies on kill as soon as it is thawed', async () => {
  const cgroup = await freezerCgroup();
  const init = await start({
    command: sh('trap "" TERM; while :; do :; done'),
    options: ['--cgroup', cgroup.path],
  });
  const client = await init.client();
  await until('it is in its cgroup', async () => (await cgroup.pids()).length === 1);
  await cgroup.freeze();
  await until('it is frozen', () => cgroup.isFrozen());
  const killed = client.kill();
  expect(await (await init.client()).status()).toMatchObject({ state: 'running', pid: 1000 });
  await cgroup.thaw();
  expect(await killed).toMatchObject({ state: 'exited', pid: 0, code: 137 });
});

test('a member that cannot die does not keep sp-init from its last word', async () => {
  const cgroup = await freezerCgroup();
  const init = await start({ command: ['sleep', '1000'], options: ['--cgroup', cgroup.path] });
  const client = await init.client();
  await until('it is in its cgroup', async () => (await cgroup.pids()).length === 1);
  await cgroup.freeze();
  await until('it is frozen', () => cgroup.isFrozen());
  const from = performance.now();
  // pid is not 0: the member was not seen to die. (On cgroup v2 a frozen process does die.)
  expect(await client.kill()).toMatchObject({ state: 'exited', code: 137 });
  expect(performance.now() - from).toBeLessThan(7_000);
  await cgroup.thaw();
  expect((await init.ended).code).toBe(137);
});

test('an exit file that cannot be written is said in the stderr log; the code is kept', async () => {
  const folder = await testFolder();
  const init = await start({ folder, command: sh('exit 9'), exitFile: join(folder, 'gone', 'exit.json') });
  expect((await init.ended).code).toBe(9);
  expect(await init.log('stderr')).toContain('sp-init: cannot write the exit file');
  expect(await init.log('stderr')).toContain('No such file or directory');
});

test('an exit file on a full disk is absent, not cut short', async () => {
  const folder = await testFolder();
  const full = join(folder, 'full');
  const init = await start({
    folder,
    before: `mkdir $folder/full && mount -t tmpfs -o size=4k none $folder/full && head -c 4096 /dev/zero > $folder/full/x`,
    exitFile: join(full, 'exit.json'),
    command: sh(`echo ready; while [ ! -e ${folder}/go ]; do sleep 0.01; done; exit 9`),
  });
  await until('the member runs', async () => (await init.log()) === 'ready\n');
  const inside = join('/proc', String(await init.hostPid()), 'root', full);
  await mkdir(join(folder, 'go'));
  expect((await init.ended).code).toBe(9);
  await expect(readFile(join(inside, 'exit.json'))).rejects.toThrow('ENOENT');
  expect(await init.log('stderr')).toContain('No space left on device');
});
