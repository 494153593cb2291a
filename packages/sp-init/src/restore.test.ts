// An sp-init that awaits a restore, adopts what was restored, is parked, and is told to go.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, open, readFile, readlink } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { SpInitRefused } from './errors.ts';
import { buildSpInit, start, until, type Started } from './testing.ts';

beforeAll(buildSpInit);

const sh = (script: string): string[] => ['sh', '-c', script];

/**
 * Runs a script in the sandbox's namespaces but as a child of this process, as CRIU runs. The script says the pid of
 * what it leaves behind, and then reads a line before it ends.
 */
async function enter(init: Started, script: string): Promise<{ pid: number; leave: () => void }> {
  const child = spawn(
    'nsenter',
    ['-t', String(await init.hostPid()), '-m', '-p', 'sh', '-c', `${script}; read line`],
    {
      stdio: ['pipe', 'pipe', 'inherit'],
    },
  );
  const exited = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  const [said] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  return { pid: Number(said), leave: () => void child.stdin.end('\n') };
}

const restored = (script: string): string =>
  `setsid sh -c '${script}' < /dev/null > /proc/1/fd/10 2> /proc/1/fd/11 & echo $!`;

describe('awaiting', () => {
  test('adopts a process whose parent has left, and gives its output and its code', async () => {
    const init = await start();
    const client = await init.client();
    expect(await client.status()).toMatchObject({ state: 'awaiting', pid: 0 });
    const { pid, leave } = await enter(
      init,
      restored('trap "echo bye; exit 6" TERM; echo hello; while :; do sleep 0.01; done'),
    );
    leave();
    expect(await client.adopt(pid)).toMatchObject({ state: 'running', pid });
    await until('it writes', async () => (await init.log()) === 'hello\n');
    await client.signal(15);
    expect((await init.ended).code).toBe(6);
    expect(await init.log()).toBe('hello\nbye\n');
    expect(await init.exitFile()).toEqual({ code: 6, signal: 0, stdoutBytes: 10, stderrBytes: 0 });
  });

  test('waits for a process that is not its child yet', async () => {
    const init = await start();
    const client = await init.client();
    const { pid, leave } = await enter(init, restored('exec sleep 1000'));
    const adopted = client.adopt(pid);
    expect(await (await init.client()).status()).toMatchObject({ state: 'awaiting' });
    leave();
    expect(await adopted).toMatchObject({ state: 'running', pid });
    await expect(client.adopt(pid)).rejects.toThrow('not awaiting a restore');
    expect(await client.kill()).toMatchObject({ code: 137 });
  });

  test('refuses one that does not become its child', async () => {
    const init = await start();
    const client = await init.client();
    const { pid } = await enter(init, restored('exec sleep 1000'));
    const from = performance.now();
    await expect(client.adopt(pid)).rejects.toThrow('not a child of sp-init');
    expect(performance.now() - from).toBeGreaterThan(4_900);
    expect(await client.status()).toMatchObject({ state: 'awaiting' });
  });

  test('tells its watchers of the adoption', async () => {
    const init = await start();
    const client = await init.client();
    const states: string[] = [];
    await client.watch((event) => states.push(event === 'gone' ? event : `${event.state} ${event.pid}`));
    const { pid, leave } = await enter(init, restored('exec sleep 1000'));
    leave();
    await client.adopt(pid);
    await client.kill();
    await until('the end is told', async () => states.length === 3);
    expect(states).toEqual(['awaiting 0', `running ${pid}`, 'exited 0']);
  });

  test('quits when told, with neither success nor an exit file', async () => {
    const init = await start();
    const client = await init.client();
    expect(await client.quit()).toMatchObject({ state: 'exited', code: 75 });
    expect((await init.ended).code).toBe(75);
    await expect(init.exitFile()).rejects.toThrow('ENOENT');
  });

  test('does not quit while a half-restored process is there, but can be killed with it', async () => {
    const init = await start();
    const client = await init.client();
    const { leave } = await enter(init, restored('exec sleep 1000'));
    await expect(client.quit()).rejects.toThrow('processes are left');
    leave();
    await expect(client.quit()).rejects.toThrow('processes are left');
    expect(await client.kill()).toMatchObject({ state: 'exited', code: 137, signal: 9 });
    expect(await init.exitFile()).toMatchObject({ code: 137, signal: 9 });
  });

  test('ends on SIGTERM', async () => {
    const init = await start();
    await (await init.client()).status();
    process.kill(await init.hostPid(), 'SIGTERM');
    expect((await init.ended).code).toBe(143);
    await expect(init.exitFile()).rejects.toThrow('ENOENT');
  });

  test('has nothing to signal or to park', async () => {
    const client = await (await start()).client();
    await expect(client.signal(15)).rejects.toThrow(SpInitRefused);
    await expect(client.park()).rejects.toThrow('no main child');
  });
});

describe('parked', () => {
  test('outlives its member, reaps what is left, and quits when nothing is', async () => {
    const init = await start({ command: sh('sleep 1000 & exec sleep 1000') });
    const client = await init.client();
    const states: string[] = [];
    await client.watch((event) =>
      states.push(event === 'gone' ? event : `${event.state} ${event.pid} ${event.signal}`),
    );
    expect(await client.park()).toMatchObject({ state: 'parked', pid: 1000 });
    await until('both run', async () => (await init.processes()).length === 3);
    await client.signal(9);
    await until('it is dead', async () => (await client.status()).pid === 0);
    expect(await client.status()).toMatchObject({ state: 'parked', code: 137, signal: 9 });
    await expect(client.quit()).rejects.toThrow('processes are left');
    await expect(client.signal(15)).rejects.toThrow('no main child');
    const last = (await init.processes()).at(-1) ?? 0;
    process.kill(last, 'SIGKILL');
    await until('it quits', () => client.quit());
    expect((await init.ended).code).toBe(75);
    await expect(init.exitFile()).rejects.toThrow('ENOENT');
    expect(states).toEqual(['running 1000 0', 'parked 1000 0', 'parked 0 9', 'exited 0 0']);
  });

  test('can be killed', async () => {
    const init = await start({ command: ['sleep', '1000'] });
    const client = await init.client();
    await client.park();
    expect(await client.kill()).toMatchObject({ state: 'exited', code: 137 });
    expect((await init.ended).code).toBe(137);
  });
});

describe('with CRIU', () => {
  const cache = process.env['STILLPOINT_CACHE'] ?? join(homedir(), '.cache', 'stillpoint');
  const criu = process.env['STILLPOINT_CRIU'] ?? join(cache, 'criu', 'sbin', 'criu');

  /** Runs CRIU in the sandbox's namespaces. Further files are its fds 3 and up. */
  async function runCriu(
    init: Started,
    images: string,
    args: readonly string[],
    files: number[] = [],
  ): Promise<void> {
    const common = ['-D', images, '-o', `${args[0]}.log`, '--network-lock', 'skip'];
    const enter = ['-t', String(await init.hostPid()), '-m', '-p', criu];
    const child = spawn('nsenter', [...enter, ...args, ...common], {
      stdio: ['ignore', 'ignore', 'ignore', ...files],
    });
    const [code] = (await once(child, 'exit')) as [number | null];
    if (code !== 0) throw new Error(await readFile(join(images, `${args[0]}.log`), 'utf8'));
  }

  test('a member moves to another sp-init with its pid, its logs and its exit code', async (context) => {
    context.skip(!existsSync(criu), `no CRIU at ${criu}: run ./stillpoint setup`);
    const script =
      'trap "echo bye; exit 6" TERM; n=0; while :; do n=$((n+1)); echo $n; echo $n >&2; sleep 0.01; done';
    const first = await start({ command: sh(script) });
    const images = join(first.folder, 'images');
    await mkdir(images);
    const before = await first.client();
    await until('it counts', async () => (await first.log()).includes('5\n'));
    const [, member] = await first.processes();
    const pipes = await Promise.all([1, 2].map((fd) => readlink(`/proc/${member}/fd/${fd}`)));
    await before.park();
    await runCriu(first, images, ['dump', '-t', '1000']);
    await before.drain();
    await until('it quits', () => before.quit());

    const second = await start();
    const after = await second.client();
    const hostPid = await second.hostPid();
    const ends = await Promise.all([10, 11].map((fd) => open(`/proc/${hostPid}/fd/${fd}`, 'w')));
    const inherit = pipes.flatMap((pipe, index) => ['--inherit-fd', `fd[${3 + index}]:${pipe}`]);
    await runCriu(
      second,
      images,
      ['restore', '-d', ...inherit],
      ends.map((end) => end.fd),
    );
    for (const end of ends) await end.close();
    expect(await after.adopt(1000)).toMatchObject({ state: 'running', pid: 1000 });
    await until('it counts on', async () => (await second.log()).split('\n').length > 5);
    await after.signal(15);
    expect((await second.ended).code).toBe(6);
    expect(await second.exitFile()).toMatchObject({ code: 6, signal: 0 });
    for (const name of ['stdout', 'stderr'] as const) {
      const lines = [...(await first.log(name)).split('\n'), ...(await second.log(name)).split('\n')].filter(
        Boolean,
      );
      const numbers = lines.filter((line) => line !== 'bye');
      expect(numbers).toEqual(numbers.map((_, index) => String(index + 1)));
    }
    expect(await second.log()).toMatch(/\nbye\n$/);
  });
});
