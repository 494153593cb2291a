// The processes in which agents or participants are played, apart from the coordinator's.
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { cpuMsOf } from '../proc-stat.ts';
import type { Share } from './share.ts';

/** As many as leave nobody waiting for a core more than the cores do. */
const processes = 4;

export class Players implements AsyncDisposable {
  readonly #children: readonly ChildProcess[];

  private constructor(children: readonly ChildProcess[]) {
    this.#children = children;
  }

  /** Starts them, and waits until all are connected. */
  static async start(program: URL, url: string, total: number, membersEach: number): Promise<Players> {
    const each = Math.ceil(total / processes);
    const children: ChildProcess[] = [];
    for (let first = 0; first < total; first += each) {
      const share: Share = { url, first, count: Math.min(each, total - first), membersEach };
      children.push(fork(fileURLToPath(program), [JSON.stringify(share)]));
    }
    const players = new Players(children);
    try {
      await Promise.all(children.map(untilReady));
      return players;
    } catch (error) {
      await players[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** CPU time of all of them up to now. */
  async cpuMs(): Promise<number> {
    const stats = this.#children.map(({ pid }) => readFile(`/proc/${pid}/stat`, 'utf8'));
    return (await Promise.all(stats)).reduce((sum, stat) => sum + cpuMsOf(stat), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const running = this.#children.filter((child) => child.exitCode === null && child.signalCode === null);
    await Promise.all(
      running.map(async (child) => {
        const ended = once(child, 'exit');
        child.kill('SIGKILL');
        await ended;
      }),
    );
  }
}

async function untilReady(child: ChildProcess): Promise<void> {
  const ready = once(child, 'message');
  const ended = once(child, 'exit').then(([code]) => {
    throw new Error(`a process of the benchmark ended with ${code} before it was ready`);
  });
  await Promise.race([ready, ended]);
}
