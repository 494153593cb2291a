// Finds the coordinator of a state folder, or starts one. Two callers at once end up with the same.
import { spawn } from 'node:child_process';
import { open } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { HomePaths } from '@stillpoint/agent';
import { errorLineSchema } from './api.ts';
import { CoordinatorClient } from './client.ts';
import { ApiError, CoordinatorStartFailed, CoordinatorUnreachable } from './errors.ts';
import { apiSocket, coordinatorLog, openHome, requireLocalHome } from './home.ts';
import { limits } from './limits.ts';

export interface EnsureOptions {
  readonly signal?: AbortSignal;
  /** The program that is started; the real one unless given. */
  readonly program?: string;
}

const coordinatorProgram = fileURLToPath(new URL('./main.ts', import.meta.url));

/**
 * @param home path of the state folder; it is made if it is missing
 * @throws `SP_HOME_UNUSABLE`, `SP_HOME_NEWER_VERSION`, `SP_SERVICE_NOT_RUNNING`, `SP_COORDINATOR_START_FAILED`, or what kept the
 * coordinator from starting
 */
export async function ensureCoordinator(
  home: string,
  options: EnsureOptions = {},
): Promise<CoordinatorClient> {
  const paths = await openHome(home);
  const client = new CoordinatorClient(apiSocket(paths));
  if (await answers(client, options.signal)) return client;
  await requireLocalHome(paths);
  let started = await start(paths, options.program ?? coordinatorProgram);
  try {
    const end = performance.now() + limits.startDeadlineMs;
    while (!(await answers(client, options.signal))) {
      const failure = started.failure();
      if (failure !== undefined) throw failure;
      // another one has the state folder: it is about to answer, or to end
      if (started.endedMsAgo() > limits.startAgainMs)
        started = await start(paths, options.program ?? coordinatorProgram);
      if (performance.now() > end)
        throw new CoordinatorStartFailed(
          `nothing answers after ${limits.startDeadlineMs} ms`,
          coordinatorLog(paths),
        );
      await delay(
        limits.startPollMs,
        undefined,
        options.signal === undefined ? {} : { signal: options.signal },
      );
    }
    return client;
  } finally {
    started.letGo();
  }
}

async function answers(client: CoordinatorClient, signal: AbortSignal | undefined): Promise<boolean> {
  try {
    await client.health(signal === undefined ? {} : { signal });
    return true;
  } catch (error) {
    if (error instanceof CoordinatorUnreachable) return false;
    throw error;
  }
}

interface Started {
  /** Why it ended, unless it runs, or another one has the state folder. */
  failure(): Error | undefined;
  /** Negative while it runs. */
  endedMsAgo(): number;
  letGo(): void;
}

async function start(paths: HomePaths, program: string): Promise<Started> {
  const log = await open(coordinatorLog(paths), 'a', 0o600);
  const child = spawn(process.execPath, [program, '--home', paths.home], {
    detached: true,
    cwd: '/',
    stdio: ['ignore', 'pipe', log.fd],
  });
  await log.close();
  let said = '';
  let failure: Error | undefined;
  let endedAtMs = Infinity;
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => (said += chunk));
  child.once(
    'error',
    (error) => (failure = new CoordinatorStartFailed(error.message, coordinatorLog(paths))),
  );
  child.once('close', (code, signal) => {
    endedAtMs = performance.now();
    if (code !== 0) failure = failureOf(said, signal ?? `exit ${code}`, coordinatorLog(paths));
  });
  return {
    failure: () => failure,
    endedMsAgo: () => performance.now() - endedAtMs,
    letGo: () => {
      child.stdout?.destroy();
      child.unref();
    },
  };
}

/** A coordinator that can't start says why as one line on its standard output. */
function failureOf(said: string, how: string, log: string): Error {
  try {
    return new ApiError(errorLineSchema.parse(JSON.parse(said)));
  } catch {
    return new CoordinatorStartFailed(`it ended with ${how}`, log);
  }
}
