// Sandboxes without Stillpoint, for a bare `criu restore`: made before the clock starts, gone with their world.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { HomePaths } from '@stillpoint/agent';
import { until } from './until.ts';

const script = join(import.meta.dirname, 'bare-world.sh');
const readyMs = 20_000;

export interface BareWorld extends AsyncDisposable {
  /** PID 1 of each sandbox, as the machine numbers them, in the order of the addresses. */
  readonly initPids: readonly number[];
}

export interface Addresses {
  readonly ipv4: string;
  readonly ipv6: string;
}

/** @param members the addresses that each sandbox has */
export async function startBareWorld(
  paths: HomePaths,
  members: readonly Addresses[],
  signal: AbortSignal,
): Promise<BareWorld> {
  const namespaces = ['--net', '--mount', '--pid', '--fork', '--kill-child=SIGKILL'];
  const pairs = members.map(({ ipv4, ipv6 }) => `${ipv4},${ipv6}`);
  const child = spawn('unshare', [...namespaces, 'bash', script, join(paths.tools, 'criu.kdat'), ...pairs], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const said = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.err += text));
  const ended = once(child, 'close');
  ended.catch(() => undefined);
  const end = async (): Promise<void> => {
    child.kill('SIGKILL');
    await ended.catch(() => undefined);
  };
  try {
    await until('the sandboxes of a bare restore', readyMs, signal, () => {
      if (child.exitCode !== null)
        throw new Error(`the sandboxes of a bare restore were not made: ${said.err}`);
      // one from each sandbox, and one from the script
      return said.out.split('ready').length > members.length + 1 ? true : undefined;
    });
    const [shell = 0] = await childrenOf(child.pid ?? 0);
    const initPids = await Promise.all(
      (await childrenOf(shell)).map(async (pid) => (await childrenOf(pid))[0] ?? 0),
    );
    return { initPids, [Symbol.asyncDispose]: end };
  } catch (error) {
    await end();
    throw error;
  }
}

async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.split(' ').filter(Boolean).map(Number);
}
