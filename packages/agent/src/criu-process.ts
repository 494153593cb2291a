// Runs CRIU inside a sandbox's namespaces, apart from the agent: it goes on when the agent dies, and its exit status
// is found in a file by the next one. Never killed while it holds a member: that would break the member's sockets.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { open, readFile, rename, rm, writeFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { CommandFailed } from './errors.ts';
import { limits } from './limits.ts';
import { enterSandbox, type SandboxRecord } from './sandbox-record.ts';

/** What an ended CRIU left. `exitCode` is undefined when it did not end in time: it may still run. */
export interface CriuExit {
  readonly exitCode: number | undefined;
  readonly log: string;
}

export interface CriuStart {
  /** Folder for the exit status and CRIU's own output; on the host and inside the sandbox the same path. */
  readonly folder: string;
  readonly action: 'dump' | 'restore';
  readonly criu: string;
  readonly args: readonly string[];
  /** Files that CRIU inherits, from descriptor 4 on. */
  readonly inherited?: readonly FileHandle[];
  /** Shell code that runs inside the sandbox before CRIU takes the shell's place. */
  readonly prelude?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

const exitName = (action: string): string => `${action}.exit`;
/** Names the process group that CRIU runs in; there while it runs. */
const groupName = (action: string): string => `${action}.group`;
/** Room for a number: where a full disk leaves none, it could not be written any more. */
const numberReserve = 'none    \n';

/** Starts CRIU in the sandbox; it outlives the agent. */
export async function startCriu(record: SandboxRecord, start: CriuStart): Promise<void> {
  const exitFile = join(start.folder, exitName(start.action));
  await rm(exitFile, { force: true });
  const groupFile = join(start.folder, groupName(start.action));
  for (const file of [`${exitFile}.new`, groupFile]) await writeFile(file, numberReserve);
  const output = await open(join(start.folder, `${start.action}.out`), 'w');
  const script =
    'exit_file=$1; group_file=$2; shift 2; echo $$ 1<>"$group_file"; nsenter "$@"; ' +
    'echo $? 1<>"$exit_file.new" && rm -f "$group_file" && mv "$exit_file.new" "$exit_file"';
  const inside = start.prelude === undefined ? [] : ['/bin/sh', '-c', `${start.prelude} exec "$@"`, 'sh'];
  const child = spawn(
    '/bin/sh',
    ['-c', script, 'sh', exitFile, groupFile, ...enterSandbox(record), ...inside, start.criu, ...start.args],
    {
      detached: true,
      cwd: '/',
      env: { PATH: process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin', ...start.environment },
      stdio: ['ignore', output.fd, output.fd, 'ignore', ...(start.inherited ?? []).map((file) => file.fd)],
    },
  );
  child.on('error', () => undefined); // no exit file: the wait runs out and says so
  child.unref();
  await output.close();
}

/**
 * Whether CRIU was ever started for an action that was prepared: its shell leaves its number before anything else. An
 * agent that is killed in between leaves the place for it only.
 */
export async function wasCriuStarted(folder: string, action: 'dump' | 'restore'): Promise<boolean> {
  const end = performance.now() + limits.criuStartMs;
  for (;;) {
    const number = readNumber(await readFile(join(folder, groupName(action)), 'utf8').catch(() => ''));
    if (number !== undefined || existsSync(join(folder, exitName(action)))) return true;
    if (performance.now() > end) return false;
    await delay(limits.criuPollMs);
  }
}

/** Waits for a CRIU that this agent or its predecessor started. */
export async function awaitCriu(
  folder: string,
  action: 'dump' | 'restore',
  deadlineMs: number,
): Promise<CriuExit> {
  const end = performance.now() + deadlineMs;
  const exitFile = join(folder, exitName(action));
  for (;;) {
    // in memory, so it never blocks; asking a thread would take processor time from the dump
    const exitCode = existsSync(exitFile) ? await readExitCode(exitFile) : undefined;
    if (exitCode !== undefined || performance.now() > end)
      return { exitCode, log: await readLog(folder, action) };
    await delay(limits.criuPollMs);
  }
}

/**
 * Kills a CRIU that has not ended, and leaves the exit status of that. What it had in its hands is left as it is: the
 * caller has to know what that was.
 */
export async function endCriu(folder: string, action: 'dump' | 'restore'): Promise<void> {
  const exitFile = join(folder, exitName(action));
  const groupFile = join(folder, groupName(action));
  const group = readNumber(await readFile(groupFile, 'utf8').catch(() => ''));
  // the number may be another's by now
  if (group !== undefined && (await commandOf(group)).includes(exitFile)) process.kill(-group, 'SIGKILL');
  await rm(groupFile, { force: true });
  await writeFile(`${exitFile}.new`, `${killedStatus}\n`);
  await rename(`${exitFile}.new`, exitFile);
}

/** As a shell says it: ended by SIGKILL. */
const killedStatus = 137;

/** The number in the first line; what was reserved may stand behind it. */
function readNumber(text: string): number | undefined {
  const digits = /^(\d+)\n/.exec(text)?.[1];
  return digits === undefined ? undefined : Number(digits);
}

const commandOf = (pid: number): Promise<string> => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');

async function readExitCode(path: string): Promise<number | undefined> {
  try {
    const status = readNumber(await readFile(path, 'utf8'));
    if (status === undefined) throw new CommandFailed('CRIU', `${path} holds no exit status`);
    return status;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function readLog(folder: string, action: string): Promise<string> {
  const parts = await Promise.all(
    [`${action}.log`, `${action}.out`].map((name) => readFile(join(folder, name), 'utf8').catch(() => '')),
  );
  return parts.join('\n').slice(-limits.helperOutputBytesMax);
}
