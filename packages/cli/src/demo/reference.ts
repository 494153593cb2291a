// The run that the demo's is compared with: the same script as plain processes over loopback. Nothing of Stillpoint.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { completeLines } from './comparison.ts';
import { DemoOffScript } from './errors.ts';
import { limits } from './limits.ts';

export interface ReferenceRun {
  readonly ranks: number;
  readonly command: readonly [string, ...string[]];
  readonly environment: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly signal: AbortSignal;
}

/** @returns the lines that each rank has printed @throws `SP_DEMO_OFF_SCRIPT`, and the signal's reason */
export async function runReference(run: ReferenceRun): Promise<readonly (readonly string[])[]> {
  const port = await freePort();
  const signal = AbortSignal.any([run.signal, AbortSignal.timeout(limits.referenceMs)]);
  const ranks = Array.from({ length: run.ranks }, (_, rank) => startRank(run, rank, port));
  const killAll = (): void => {
    for (const { child } of ranks) child.kill('SIGKILL');
  };
  signal.addEventListener('abort', killAll, { once: true });
  try {
    signal.throwIfAborted();
    // one that fails takes the others with it: they would wait for it
    return await Promise.all(ranks.map(({ lines }) => lines));
  } catch (error) {
    run.signal.throwIfAborted();
    throw error;
  } finally {
    signal.removeEventListener('abort', killAll);
    killAll();
    await Promise.allSettled(ranks.map(({ lines }) => lines));
  }
}

interface Rank {
  readonly child: ChildProcess;
  readonly lines: Promise<readonly string[]>;
}

function startRank({ command, environment, cwd, ranks }: ReferenceRun, rank: number, port: number): Rank {
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...command], {
    cwd,
    env: {
      ...environment,
      RANK: String(rank),
      LOCAL_RANK: String(rank),
      WORLD_SIZE: String(ranks),
      MASTER_ADDR: '127.0.0.1',
      MASTER_PORT: String(port),
      GLOO_SOCKET_IFNAME: 'lo',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const lines = new Promise<readonly string[]>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) resolve(completeLines(stdout));
      else
        reject(
          new DemoOffScript(
            `rank ${rank} of the plain run ended with ${signal ?? code}: ${stderr.trim().slice(-500)}`,
          ),
        );
    });
  });
  lines.catch(() => undefined);
  return { child, lines };
}

/** A port that was free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('a TCP server has no port');
  return address.port;
}
