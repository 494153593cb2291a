// Runs the project's checks one after the other and counts what passed. Used by check.ts and test.ts.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';

/** The root of the checkout. */
const root = path.dirname(import.meta.dirname);

/** One command. With `project` it is a vitest run whose tests are counted one by one. */
export interface Step {
  readonly name: string;
  readonly command: readonly [program: string, ...args: string[]];
  readonly project?: string;
  readonly deadlineMs: number;
}

/** What a step, or several, came to. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
  /** Full names of the tests that were skipped. */
  readonly skipped: readonly string[];
}

const minuteMs = 60_000;
/** How long a step that was told to end (SIGTERM) gets before SIGKILL. */
const endGraceMs = 10_000;

const tool = (name: string, ...command: readonly [string, ...string[]]): Step => ({
  name,
  command,
  deadlineMs: 5 * minuteMs,
});

const tests = (project: string, deadlineMs: number): Step => ({
  name: `${project} tests`,
  command: ['vitest', 'run', '--project', project, '--passWithNoTests'],
  project,
  deadlineMs,
});

/** What unit tests run against: built when it is missing, which takes minutes once. */
const servers: Step = {
  name: 'real servers',
  command: ['bash', 'scripts/install-servers.sh'],
  deadlineMs: 45 * minuteMs,
};

/** `pnpm check`: types, lint, format, unused exports, unit tests (the tidy test among them). */
export const checkSteps: readonly Step[] = [
  tool('types', 'tsc', '--noEmit'),
  tool('lint', 'oxlint', '--type-aware', '--deny-warnings'),
  tool('format', 'prettier', '--check', '--log-level', 'warn', '.'),
  tool('unused exports', 'knip', '--no-progress', '--no-config-hints'),
  servers,
  tests('unit', 10 * minuteMs),
];

/** Simulated worlds, as many as there is time for, up to a number: the same ones every time. */
const worlds = (name: string, deadlineMs: number, ...bounds: readonly string[]): Step => ({
  name,
  command: ['node', 'packages/simulator/src/main.ts', '--jobs', String(availableParallelism()), ...bounds],
  deadlineMs,
});

/** Two minutes of simulated worlds, and the system tests, on the real CRIU, etcd and NATS. */
export const systemSteps: readonly Step[] = [
  worlds('simulated worlds', 10 * minuteMs, '--seeds', '2000', '--minutes', '2'),
  tool('workloads', 'make', '-s', '-C', 'test/workloads'),
  tests('system', 60 * minuteMs),
];

/** The tests that take too long for every change. */
export const longSteps: readonly Step[] = [
  tool('workloads', 'make', '-s', '-C', 'test/workloads'),
  tests('long', 180 * minuteMs),
  worlds('a million simulated worlds', 48 * 60 * minuteMs, '--seeds', '1000000'),
];

/** Runs the steps in order, all of them also after a failure, and adds up what they came to. */
export async function runSteps(steps: readonly Step[]): Promise<Tally> {
  const reports = mkdtempSync(path.join(tmpdir(), 'stillpoint-reports-'));
  try {
    let total: Tally = { passed: 0, failed: 0, skipped: [] };
    for (const step of steps) {
      const startedMs = performance.now();
      const tally = await runStep(step, path.join(reports, 'report.json'));
      const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
      console.log(`${tally.failed === 0 ? 'ok  ' : 'FAIL'} ${step.name} (${seconds} s)`);
      total = {
        passed: total.passed + tally.passed,
        failed: total.failed + tally.failed,
        skipped: [...total.skipped, ...tally.skipped],
      };
    }
    return total;
  } finally {
    rmSync(reports, { recursive: true, force: true });
  }
}

async function runStep(step: Step, report: string): Promise<Tally> {
  const [program, ...args] = step.command;
  if (step.project === undefined) {
    const succeeded = await runCommand(program, args, step.deadlineMs);
    return { passed: Number(succeeded), failed: Number(!succeeded), skipped: [] };
  }
  rmSync(report, { force: true });
  const reporting = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
  const succeeded = await runCommand(program, [...args, ...reporting], step.deadlineMs);
  const tally = readReport(report);
  // A run can fail without a failed test: a file that does not load, an unhandled error, a crash.
  return succeeded || tally.failed > 0 ? tally : { ...tally, failed: 1 };
}

/** Runs a command in its own process group, within a deadline. Ctrl-C and SIGTERM end it too. */
function runCommand(program: string, args: readonly string[], deadlineMs: number): Promise<boolean> {
  const binaries = [path.join(root, 'node_modules/node/bin'), path.join(root, 'node_modules/.bin')];
  const child = spawn(program, args, {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    detached: true,
    env: { ...process.env, PATH: [...binaries, process.env['PATH']].join(':') },
  });
  const signalGroup = (signal: NodeJS.Signals): void => {
    try {
      if (child.pid !== undefined) process.kill(-child.pid, signal);
    } catch {
      // The group is gone already.
    }
  };
  let killTimer: NodeJS.Timeout | undefined;
  const end = (): void => {
    signalGroup('SIGTERM');
    killTimer ??= setTimeout(() => signalGroup('SIGKILL'), endGraceMs);
  };
  const stopAll = (): void => {
    process.exitCode = 130;
    end();
  };
  const deadline = setTimeout(() => {
    console.error(`${program}: not done within ${deadlineMs / minuteMs} minutes; ended`);
    end();
  }, deadlineMs);
  process.on('SIGINT', stopAll).on('SIGTERM', stopAll);
  return new Promise((resolve) => {
    const settle = (succeeded: boolean): void => {
      clearTimeout(deadline);
      clearTimeout(killTimer);
      process.off('SIGINT', stopAll).off('SIGTERM', stopAll);
      if (process.exitCode === 130) process.exit();
      resolve(succeeded);
    };
    child.once('error', (error) => {
      console.error(error.message);
      settle(false);
    });
    child.once('exit', (code) => settle(code === 0));
  });
}

/** The parts of vitest's JSON report that are counted. */
interface VitestReport {
  readonly testResults: readonly {
    readonly status: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

function readReport(file: string): Tally {
  let report: VitestReport;
  try {
    report = JSON.parse(readFileSync(file, 'utf8')) as VitestReport;
  } catch {
    return { passed: 0, failed: 1, skipped: [] };
  }
  const results = report.testResults.flatMap((result) => result.assertionResults);
  const brokenFiles = report.testResults.filter(
    (result) =>
      result.status === 'failed' && !result.assertionResults.some((test) => test.status === 'failed'),
  );
  return {
    passed: results.filter((test) => test.status === 'passed').length,
    failed: results.filter((test) => test.status === 'failed').length + brokenFiles.length,
    skipped: results
      .filter((test) => test.status !== 'passed' && test.status !== 'failed')
      .map((test) => test.fullName),
  };
}
