// Starts real sp-inits for tests, as PID 1 of a new pid namespace or as a plain process inside one, and makes sure
// that nothing of them is left: every namespace dies with the `unshare` process that made it.
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, rmdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';
import { SpInitClient } from './client.ts';
import { spInitPath } from './path.ts';
import { parseExitFile, type SpInitExit } from './status.ts';

const run = promisify(execFile);
const conditionDeadlineMs = 10_000;
const pollMs = 5;

/** Whether sp-init is PID 1, or a child of a shell that is. */
export type Role = 'pid 1' | 'plain';

export interface Launch {
  readonly role?: Role;
  readonly command?: readonly string[];
  readonly options?: readonly string[];
  /** Shell commands that run in the new namespaces before sp-init starts; `$1` is the test's folder. */
  readonly before?: string;
  readonly stdout?: string;
  readonly stderr?: string;
  readonly exitFile?: string;
  /** A folder to use again; a new one by default. */
  readonly folder?: string;
}

/** A started sp-init; its paths as the host sees them. */
export interface Started {
  readonly folder: string;
  readonly control: string;
  readonly process: ChildProcess;
  /** The exit code that sp-init ended with, and what it said on its own stderr. */
  readonly ended: Promise<{ readonly code: number | null; readonly said: string }>;
  readonly client: () => Promise<SpInitClient>;
  /** The pid of sp-init as the host sees it. */
  readonly hostPid: () => Promise<number>;
  /** All its processes as the host sees them. */
  readonly processes: () => Promise<number[]>;
  readonly log: (name?: 'stdout' | 'stderr') => Promise<string>;
  readonly exitFile: () => Promise<SpInitExit>;
}

/** A folder for one test, gone when it has finished. */
export async function testFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sp-init-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Starts sp-init with a command, or awaiting a restore when there is none. */
export async function start(launch: Launch = {}): Promise<Started> {
  const folder = launch.folder ?? (await testFolder());
  const control = join(folder, 'control');
  const exitFile = launch.exitFile ?? join(folder, 'exit.json');
  const logs = {
    stdout: launch.stdout ?? join(folder, 'stdout.log'),
    stderr: launch.stderr ?? join(folder, 'stderr.log'),
  };
  const arguments_ = [
    spInitPath(),
    ...['--control', control, '--stdout', logs.stdout, '--stderr', logs.stderr, '--exit-file', exitFile],
    ...(launch.options ?? []),
    ...(launch.command === undefined ? ['--await-restore'] : ['--', ...launch.command]),
  ];
  // The shell must not replace itself by a plain sp-init, which would then be PID 1 after all.
  const script = `folder=$1; shift; ${launch.before ?? ':'}; ${launch.role === 'plain' ? '"$@"; exit $?' : 'exec "$@"'}`;
  const namespaces = ['--pid', '--fork', '--kill-child', '--mount', '--mount-proc'];
  const child = spawn('unshare', [...namespaces, 'sh', '-c', script, 'sh', folder, ...arguments_], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  const ended = new Promise<{ code: number | null; said: string }>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, said }));
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return {
    folder,
    control,
    process: child,
    ended,
    client: async () => {
      const client = await SpInitClient.connect(control);
      onTestFinished(() => client.close());
      return client;
    },
    hostPid: () => findSpInit(child.pid ?? 0),
    processes: () => descendants(child.pid ?? 0),
    log: (name = 'stdout') => readFile(logs[name], 'utf8'),
    exitFile: async () => parseExitFile(await readFile(exitFile, 'utf8')),
  };
}

/** Runs `probe` until it gives a value. A probe that throws gives none. */
export async function until<T>(what: string, probe: () => Promise<T | undefined | false>): Promise<T> {
  const end = performance.now() + conditionDeadlineMs;
  for (;;) {
    const found = await probe().catch(() => undefined);
    if (found !== undefined && found !== false) return found;
    if (performance.now() > end) throw new Error(`not within ${conditionDeadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}

/** Builds what is to be tested. */
export async function buildSpInit(): Promise<void> {
  await run('make', ['-s', '-C', dirname(import.meta.dirname)]);
}

/** All descendants of a process of the host. */
async function descendants(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  const children = text.split(' ').filter(Boolean).map(Number);
  return [...children, ...(await Promise.all(children.map(descendants))).flat()];
}

/** A cgroup of a test, for members only, that can be frozen; removed with all in it when the test has finished. */
export interface TestCgroup {
  readonly path: string;
  readonly pids: () => Promise<number[]>;
  readonly freeze: () => Promise<void>;
  readonly isFrozen: () => Promise<boolean>;
  readonly thaw: () => Promise<void>;
}

/** Makes a cgroup under the v1 freezer hierarchy, or under v2 where there is no v1. */
export async function freezerCgroup(): Promise<TestCgroup> {
  const isV1 = existsSync('/sys/fs/cgroup/freezer');
  const path = await mkdtemp(join(isV1 ? '/sys/fs/cgroup/freezer' : '/sys/fs/cgroup', 'sp-init-test-'));
  const pids = async (): Promise<number[]> =>
    (await readFile(join(path, 'cgroup.procs'), 'utf8')).split('\n').filter(Boolean).map(Number);
  const set = async (v1: string, v2: string): Promise<void> => {
    await writeFile(join(path, isV1 ? 'freezer.state' : 'cgroup.freeze'), isV1 ? v1 : v2);
  };
  const cgroup = {
    path,
    pids,
    freeze: () => set('FROZEN', '1'),
    isFrozen: async () =>
      isV1
        ? (await readFile(join(path, 'freezer.state'), 'utf8')) === 'FROZEN\n'
        : (await readFile(join(path, 'cgroup.events'), 'utf8')).includes('frozen 1'),
    thaw: () => set('THAWED', '0'),
  };
  onTestFinished(async () => {
    await cgroup.thaw();
    await until('the cgroup is empty', async () => {
      for (const pid of await pids()) process.kill(pid, 'SIGKILL');
      await rmdir(path);
      return true;
    });
  });
  return cgroup;
}

function findSpInit(unsharePid: number): Promise<number> {
  return until('sp-init runs', async () => {
    for (const pid of await descendants(unsharePid)) {
      if ((await readFile(`/proc/${pid}/comm`, 'utf8')) === 'sp-init\n') return pid;
    }
    return undefined;
  });
}
