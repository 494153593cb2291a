// Runs a workload without Stillpoint, in namespaces that vanish with it: the reference to which restored runs are
// compared, and the way in which the workloads themselves are tested.
import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { parseSteps } from './steps.ts';

/** The folder of the workloads. */
export const workloadsFolder = import.meta.dirname;

const limits = { deadlineMs: 120_000, buildDeadlineMs: 120_000, endGraceMs: 10_000, pollMs: 20 } as const;

type ReferenceOptions = {
  readonly members: number;
  /** Program and arguments; a relative program is one of the workloads' folder. */
  readonly command: readonly [string, ...string[]];
  readonly gang?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly deadlineMs?: number;
  /** Files of the members' working folder whose content is wanted at the end. */
  readonly collect?: readonly string[];
  /** Called while the gang runs, with the working folder; the members' output is in out/stdout.<rank> there. */
  readonly during?: (cwd: string) => Promise<void>;
};

type MemberOutcome = {
  readonly rank: number;
  /** Exit status, 128 and more for a signal; undefined for a member that did not end before the deadline. */
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
};

export type ReferenceRun = {
  readonly members: readonly MemberOutcome[];
  readonly timedOut: boolean;
  /** The collected files that exist, by name. */
  readonly files: ReadonlyMap<string, string>;
};

/** Builds the workloads that are written in C; does nothing when they are built. */
export async function buildWorkloads(): Promise<void> {
  await promisify(execFile)('make', ['-s', '-C', workloadsFolder], { timeout: limits.buildDeadlineMs });
}

/** The absolute path of a workload: `workload('ddp.py')`, `workload('build/mesh')`. */
export function workload(name: string): string {
  return isAbsolute(name) ? name : join(workloadsFolder, name);
}

/**
 * Runs the command once a member, each in its own pid, mount and network namespace on one private bridge, and waits
 * for the last to end. Needs root. Nothing is left when it settles, nor when this process dies.
 */
export async function runReference(options: ReferenceOptions): Promise<ReferenceRun> {
  const cwd = await mkdtemp(join(tmpdir(), 'stillpoint-reference-'));
  try {
    const out = join(cwd, 'out');
    await mkdir(out);
    const { codes, timedOut } = await runMembers(options, cwd, out);
    const text = async (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');
    const members = await Promise.all(
      codes.map(async (code, rank) => ({
        rank,
        code: code ?? undefined,
        stdout: await text(join(out, `stdout.${String(rank)}`)),
        stderr: await text(join(out, `stderr.${String(rank)}`)),
      })),
    );
    const files = new Map<string, string>();
    for (const name of options.collect ?? []) files.set(name, await text(join(cwd, name)));
    return { members, timedOut, files };
  } finally {
    await rm(cwd, { recursive: true, force: true });
  }
}

const known = new Map<string, Promise<ReferenceRun>>();

/** The run for reference of a command. It is always the same, so it is made once. */
export function referenceOf(
  options: Pick<ReferenceOptions, 'members' | 'command' | 'gang' | 'env'>,
): Promise<ReferenceRun> {
  const key = JSON.stringify(options);
  const run = known.get(key) ?? runReference(options);
  known.set(key, run);
  return run;
}

/** Waits until a rank of a running gang has printed `step N`; for use in `during`. */
export async function untilStep(cwd: string, rank: number, step: number, deadlineMs = 30_000): Promise<void> {
  const path = join(cwd, 'out', `stdout.${String(rank)}`);
  for (const ends = Date.now() + deadlineMs; Date.now() < ends; await setTimeout(limits.pollMs)) {
    const output = await readFile(path, 'utf8').catch(() => '');
    if (parseSteps(output).some((record) => record.step >= step)) return;
  }
  throw new Error(`rank ${String(rank)} did not reach step ${String(step)} within ${String(deadlineMs)} ms`);
}

type Summary = { readonly codes: readonly (number | null)[]; readonly timedOut: boolean };

async function runMembers(options: ReferenceOptions, cwd: string, out: string): Promise<Summary> {
  const deadlineMs = options.deadlineMs ?? limits.deadlineMs;
  const [program, ...rest] = options.command;
  const namespaces = ['--net', '--mount', '--pid', '--fork', '--kill-child=SIGKILL'];
  const runner = [
    ...[
      workload('reference.py'),
      '--members',
      String(options.members),
      '--gang',
      options.gang ?? 'reference',
    ],
    ...['--cwd', cwd, '--out', out, '--deadline-s', String(deadlineMs / 1000)],
  ];
  const world = spawn('/usr/bin/unshare', [...namespaces, ...runner, '--', workload(program), ...rest], {
    // The runner ends with its stdin: so it cannot outlive this process, however that ends.
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...options.env },
    timeout: deadlineMs + limits.endGraceMs,
    killSignal: 'SIGKILL',
  });
  const texts = { stdout: '', stderr: '' };
  world.stdout.setEncoding('utf8').on('data', (text: string) => (texts.stdout += text));
  world.stderr.setEncoding('utf8').on('data', (text: string) => (texts.stderr += text));
  const ended = new Promise<void>((resolve, reject) => {
    world.once('error', reject);
    world.once('close', () => {
      resolve();
    });
  });
  try {
    await Promise.all([ended, options.during?.(cwd)]);
  } finally {
    world.stdin.destroy();
    await ended.catch(() => undefined);
  }
  if (texts.stdout === '') throw new Error(`the reference runner failed: ${texts.stderr.trim()}`);
  return JSON.parse(texts.stdout) as Summary;
}
