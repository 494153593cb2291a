// The command as a process: exit codes, streams, signals, and how fast it starts.
import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { homePaths } from '@stillpoint/agent';
import { apiSocket } from '@stillpoint/coordinator';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { apiError, FakeCoordinator } from './testing/fake-coordinator.ts';
import { type Run, until } from './testing/run.ts';
import { epoch, gang } from './testing/samples.ts';

const main = fileURLToPath(new URL('./main.ts', import.meta.url));
const isRoot = process.getuid?.() === 0;

let home: string;
let fake: FakeCoordinator;
beforeEach(async () => {
  home = await realpath(await mkdtemp('/var/tmp/sp-cli-home-'));
  const socket = apiSocket(homePaths(home));
  await mkdir(dirname(socket), { recursive: true });
  fake = await FakeCoordinator.start(socket);
});
afterEach(async () => {
  await fake[Symbol.asyncDispose]();
  await rm(dirname(apiSocket(homePaths(home))), { recursive: true, force: true });
  await rm(home, { recursive: true, force: true });
});

interface Process extends Run {
  readonly signal: NodeJS.Signals | null;
}

interface Started {
  readonly done: Promise<Process>;
  kill(signal: NodeJS.Signals): void;
  /** Nobody reads its output any more. */
  hangUp(): void;
}

const environment = (stateFolder: string): NodeJS.ProcessEnv => ({
  ...process.env,
  STILLPOINT_HOME: stateFolder,
  LANG: 'C.UTF-8',
  NO_COLOR: '1',
  NODE_COMPILE_CACHE: join(tmpdir(), 'sp-cli-compile-cache'),
});

function launch(line: string, stateFolder = home): Started {
  const child = spawn(process.execPath, [main, ...line.split(' ')], {
    env: environment(stateFolder),
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 30_000,
    killSignal: 'SIGKILL',
  });
  let out = '';
  let err = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text));
  return {
    done: new Promise((resolve) =>
      child.once('close', (code, signal) => resolve({ code: code ?? -1, signal, out, err })),
    ),
    kill: (signal) => child.kill(signal),
    hangUp: () => child.stdout.destroy(),
  };
}

describe.skipIf(!isRoot)('the process (skipped: needs root)', () => {
  test('finds the coordinator of its state folder', async () => {
    fake.on('listGangs', () => [gang()]);
    const { code, out, err } = await launch('ps --json').done;
    expect([code, err]).toEqual([0, '']);
    expect(JSON.parse(out)).toEqual({ gangs: [gang()] });
  });

  test('ends with what the verb ends with', async () => {
    fake.on('wait', () => ({ state: 'failed', exitCode: 42 }));
    expect((await launch('wait train').done).code).toBe(42);
    expect((await launch('wait').done).code).toBe(2);
    fake.on('listNodes', () => Promise.reject(apiError('SP_NO')));
    expect((await launch('nodes').done).code).toBe(1);
  });

  test('SIGINT gives a checkpoint up, hangs up, and ends with 130', async () => {
    let hungUp = false;
    fake.on('checkpoint', async ({ report, signal }) => {
      report({ phase: 'dump', epoch: 3 });
      while (!signal.aborted) await delay(5);
      hungUp = true;
      throw apiError('SP_CALLER_GONE');
    });
    fake.on('listEpochs', () => [epoch({ epoch: 3, state: 'aborted' })]);
    const running = launch('checkpoint train');
    await until(() => fake.asked.length > 0, 'the request');
    running.kill('SIGINT');
    const { code, signal, out, err } = await running.done;
    expect([code, signal, out, hungUp]).toEqual([130, null, '', true]);
    expect(err).toMatch(/error: interrupted: .*\(SP_INTERRUPTED_BY_SIGNAL\)/);
  });

  test('SIGINT before the coordinator has answered', async () => {
    const asked = Promise.withResolvers<void>();
    fake.on('health', async ({ signal }) => {
      asked.resolve();
      while (!signal.aborted) await delay(5);
      throw apiError('SP_CALLER_GONE');
    });
    const running = launch('ps');
    await asked.promise;
    running.kill('SIGINT');
    expect((await running.done).code).toBe(130);
  });

  test.each(['ps', 'logs train -f'])('%s ends quietly when nobody reads its output', async (line) => {
    const log = join(home, 'log');
    await writeFile(log, 'step\n'.repeat(100_000));
    fake.on('listGangs', () => Array.from({ length: 5_000 }, (_, index) => gang({ name: `gang-${index}` })));
    fake.on('logs', () => ({
      state: 'running',
      incarnation: 1,
      ranks: [{ rank: 0, segments: [{ stream: 'stdout', path: log, fromBytes: 0, live: true }] }],
    }));
    fake.on('wait', () => new Promise(() => undefined));
    const running = launch(line);
    running.hangUp();
    const { code, err } = await running.done;
    expect([code, err]).toEqual([0, '']);
  });

  test('works from a folder that was removed, and names it where one is needed', async () => {
    fake.on('listGangs', () => [gang()]);
    const gone = join(home, 'gone');
    await mkdir(gone);
    const cli = `'${process.execPath}' '${main}'`;
    const script = `rmdir "$PWD"; ${cli} ps && ! ${cli} run train --ranks 1 -- true`;
    const { stdout, stderr } = await promisify(execFile)('bash', ['-c', script], {
      cwd: gone,
      env: environment(home),
    });
    expect(stdout).toContain('train');
    expect(stderr).toContain(`the working directory ${gone} is not a folder (SP_CWD_NOT_A_FOLDER)`);
  });

  test('loses nothing where its reader is slow', { timeout: 30_000 }, async () => {
    const log = join(home, 'log');
    await writeFile(log, 'step\n'.repeat(1_000_000));
    fake.on('listGangs', () => Array.from({ length: 5_000 }, (_, index) => gang({ name: `gang-${index}` })));
    fake.on('logs', () => ({
      state: 'completed',
      incarnation: 1,
      ranks: [
        {
          rank: 0,
          segments: [{ stream: 'stdout', path: log, fromBytes: 0, toBytes: 5_000_000, live: false }],
        },
      ],
    }));
    const through = async (line: string): Promise<number> => {
      const script = `'${process.execPath}' '${main}' ${line} | (sleep 1; wc -l)`;
      return Number((await promisify(execFile)('bash', ['-c', script], { env: environment(home) })).stdout);
    };
    expect(await through('logs train')).toBe(1_000_000);
    expect(await through('ps')).toBe(5_001);
  });

  // of its own time, not the clock's, and the least of some: what else the machine does makes it only longer
  test('starts within 400 ms of processor time', async () => {
    fake.on('listGangs', () => [gang()]);
    await launch('ps').done; // fills the compile cache
    const script = `TIMEFORMAT='%U %S'; time '${process.execPath}' '${main}' ps >/dev/null`;
    const tookMs: number[] = [];
    while (tookMs.length < 8 && !(Math.min(...tookMs) < 400)) {
      const { stderr } = await promisify(execFile)('bash', ['-c', script], { env: environment(home) });
      const seconds = stderr.trim().split(' ').map(Number);
      expect(seconds).toHaveLength(2);
      tookMs.push(((seconds[0] ?? 0) + (seconds[1] ?? 0)) * 1000);
    }
    expect(Math.min(...tookMs), `of ${tookMs.join(', ')}`).toBeLessThan(400);
  });
});

test.skipIf(!isRoot)("a state folder that can't be used is named (skipped: needs root)", async () => {
  await writeFile(join(home, 'file'), '');
  const { code, err } = await launch('ps', join(home, 'file', 'state')).done;
  expect(code).toBe(1);
  expect(err).toMatch(
    /the state folder \/[^ ]*\/file\/state can't be used[^]*SP_HOME_UNUSABLE[^]*→ [^\n]*STILLPOINT_HOME/,
  );
});
