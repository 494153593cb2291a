// For tests: folders and processes that are gone when the test ends, also when it fails.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export type Disposable<T> = AsyncDisposable & T;

/** A new folder, under /tmp unless told otherwise. */
export async function scratchFolder(parent = tmpdir()): Promise<Disposable<{ readonly path: string }>> {
  const path = await mkdtemp(join(parent, 'stillpoint-files-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** Why tests that need namespaces of their own can't run here, or undefined. */
export const namespacesMissing = process.getuid?.() === 0 ? undefined : 'needs root for mount namespaces';

export interface TestMember {
  readonly pid: number;
  /** `/proc/PID/root` of the process. */
  readonly root: string;
  /** Lines that it has printed after `ready`, as they come. */
  readonly lines: AsyncIterator<string>;
  readonly child: ChildProcess;
}

const enterPrivateFolders = `
set -eu
mkdir "$1/kept"; mount --bind "$2" "$1/kept"
mount -t tmpfs -o mode=1777,size="$3" tmp /tmp; mount -t tmpfs -o mode=1777,size=8m shm /dev/shm
mkdir -p "$2"; mount --bind "$1/kept" "$2"
shift 3
exec "$@"
`;

export interface TestMemberOptions {
  /** A folder under /tmp that stays the host's. */
  readonly keep: string;
  /** A Python program that prints \`ready\` and ends when its standard input does. */
  readonly program: string;
  readonly args?: readonly string[];
  /** Size of its /tmp. */
  readonly tmpSize?: string;
}

/** Starts a Python program in a mount namespace with a /tmp and /dev/shm of its own, and waits until it is ready. */
export async function startTestMember(options: TestMemberOptions): Promise<Disposable<TestMember>> {
  // outside of /tmp, so that it can still be seen when /tmp is hidden
  const folder = await scratchFolder('/var/tmp');
  const { keep, program, args = [], tmpSize = '64m' } = options;
  const command = ['/usr/bin/python3', '-u', '-c', program, ...args];
  const child = spawn(
    'unshare',
    ['--mount', 'sh', '-c', enterPrivateFolders, 'sh', folder.path, keep, tmpSize, ...command],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const dispose = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    }
    await folder[Symbol.asyncDispose]();
  };
  const first = await lines.next();
  if (first.value !== 'ready') {
    await dispose();
    throw new Error(`the test member printed ${String(first.value)}`);
  }
  const pid = child.pid ?? 0;
  return { pid, root: `/proc/${pid}/root`, lines, child, [Symbol.asyncDispose]: dispose };
}
