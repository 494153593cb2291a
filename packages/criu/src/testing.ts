// For tests: sandboxes with a network of their own, in which programs are dumped and restored by the real CRIU.
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { explainCriuFailure } from './failure.ts';

/** The CRIU that the tests use. */
export const criuPath = process.env['STILLPOINT_CRIU'] ?? join(homedir(), '.cache/stillpoint/criu/sbin/criu');

/** Why the tests on the real CRIU cannot run here, or undefined. In CI that is a failure. */
export function missingForCriu(): string | undefined {
  const reason =
    process.getuid?.() !== 0 ? 'needs root' : existsSync(criuPath) ? undefined : `needs CRIU at ${criuPath}`;
  if (reason !== undefined && process.env['CI'] !== undefined) throw new Error(`a test ${reason}`);
  return reason;
}

/** Polls until `probe` gives something. @throws when it does not in time */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined> | T | undefined,
  deadlineMs = 20_000,
): Promise<T> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const value = await probe();
    if (value !== undefined) return value;
    if (performance.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await delay(10);
  }
}

/** A folder that is gone when the scope that holds it ends. */
export async function temporaryFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'stillpoint-criu-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** Reads a file as JSON, or undefined when it is not there yet. */
export async function readJson<T>(path: string): Promise<T | undefined> {
  return existsSync(path) ? (JSON.parse(await readFile(path, 'utf8')) as T) : undefined;
}

/** A program to start in a sandbox. */
export interface Program {
  readonly command: readonly string[];
  /** Where its output goes. */
  readonly log: string;
  readonly cgroups?: readonly string[];
  /** Its PID in the sandbox; 1001 when absent. */
  readonly pid?: number;
}

/** What a CRIU run needs besides its arguments. */
export interface CriuRun {
  /** Files that CRIU inherits open for reading and writing, by number. */
  readonly descriptors?: Readonly<Record<number, string>>;
  /** Shell code that runs inside before CRIU takes the shell's place. */
  readonly prelude?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

const execute = promisify(execFile);
const commandDeadlineMs = 30_000;

/**
 * Private pid, mount and network namespaces with these addresses on loopback. /run is a tmpfs of its own, where CRIU
 * has cached what it found out about the kernel. All in it dies with the sandbox, and the sandbox with the test.
 */
export class Sandbox implements AsyncDisposable {
  readonly #unshare: ChildProcess;
  /** Its PID 1, in the numbers of the machine. */
  readonly pid: number;

  private constructor(unshare: ChildProcess, pid: number) {
    this.#unshare = unshare;
    this.pid = pid;
  }

  static async start(addresses: readonly string[] = []): Promise<Sandbox> {
    const setUp = [
      'set -e',
      'mount -t tmpfs tmpfs /run',
      'mkdir /run/stillpoint /run/stillpoint-criu',
      'ip link set lo up',
      ...addresses.map(
        (address) => `ip address add ${address} dev lo ${address.includes(':') ? 'nodad' : ''}`,
      ),
      'echo ready',
      'exec sleep infinity',
    ].join('\n');
    const namespaces = ['--mount', '--pid', '--net', '--fork', '--mount-proc', '--kill-child=SIGKILL'];
    const unshare = spawn('unshare', [...namespaces, 'sh', '-c', setUp], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    try {
      const [line] = await once(unshare.stdout, 'data', { signal: AbortSignal.timeout(commandDeadlineMs) });
      if (String(line).trim() !== 'ready') throw new Error(`sandbox: ${String(line)}`);
      const children = await readFile(`/proc/${unshare.pid}/task/${unshare.pid}/children`, 'utf8');
      const sandbox = new Sandbox(unshare, Number(children.trim()));
      await sandbox.run(criuPath, 'check', '--no-default-config');
      return sandbox;
    } catch (error) {
      unshare.kill('SIGKILL');
      throw error;
    }
  }

  /** Runs a command inside and returns what it printed. */
  async run(command: string, ...args: readonly string[]): Promise<string> {
    const { stdout } = await execute('nsenter', [...this.#enter(), command, ...args], {
      timeout: commandDeadlineMs,
    });
    return stdout;
  }

  /**
   * Starts a program as the root of a tree of its own, with nothing open that is from outside, in these cgroups. It
   * gets a PID that is free in a new sandbox, too.
   */
  start(program: Program): void {
    const join = (program.cgroups ?? []).map((cgroup) => `echo 0 >${cgroup}/cgroup.procs;`);
    const script = [
      `${join.join(' ')} echo ${(program.pid ?? 1001) - 1} >/proc/sys/kernel/ns_last_pid; cd /; log=$1; shift;`,
      'setsid "$@" </dev/null >"$log" 2>&1 &',
    ];
    const inside = ['sh', '-c', script.join(' '), 'sh', program.log, ...program.command];
    spawn('nsenter', [...this.#enter(), ...inside], { stdio: 'ignore' }).on('error', () => undefined);
  }

  /** Drops all traffic, loopback included. Only CRIU's own marked packets pass. */
  async hold(): Promise<void> {
    const chain = (hook: string) =>
      `chain ${hook} { type filter hook ${hook} priority -500; policy drop; meta mark 0xc114 accept; }`;
    await this.run('nft', `table inet hold { ${chain('input')}; ${chain('output')}; }`);
  }

  async lift(): Promise<void> {
    await this.run('nft', 'delete table inet hold');
  }

  /** Runs CRIU inside. @throws CriuFailure */
  async criu(
    phase: 'dump' | 'restore',
    logFile: string,
    args: readonly string[],
    run: CriuRun = {},
  ): Promise<void> {
    const opened = Object.entries(run.descriptors ?? {}).map(([number, path]) => `${number}<>'${path}'`);
    const outside = ['sh', '-c', `exec "$@" ${opened.join(' ')}`, 'sh', 'nsenter', ...this.#enter()];
    const inside = ['sh', '-c', `${run.prelude ?? ''} exec "$@"`, 'sh', criuPath, ...args];
    const [command = '', ...rest] = [...outside, ...inside];
    try {
      await execute(command, rest, {
        timeout: commandDeadlineMs,
        env: { ...process.env, ...run.environment },
      });
    } catch (error) {
      const { code, signal } = error as { code?: number; signal?: string };
      const log = await readFile(logFile, 'utf8').catch(() => '');
      throw explainCriuFailure({ phase, log, exitCode: code, signal });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#unshare.exitCode !== null || this.#unshare.signalCode !== null) return;
    const ended = once(this.#unshare, 'exit');
    process.kill(this.pid, 'SIGKILL');
    await ended;
  }

  #enter(): string[] {
    return [`--target=${this.pid}`, '--mount', '--pid', '--net'];
  }
}
