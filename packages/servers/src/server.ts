// One real server as a child process, which the kernel kills when its parent ends, however that ends.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { serverLimits } from './limits.ts';

/** What every server can do. Its address and its data stay the same until it is disposed of. */
export interface Server {
  readonly pid: number;
  /** Ends it in good order (SIGTERM); killed after a while. Its data stay. */
  stop(): Promise<void>;
  /** SIGKILL. Its data stay as they are. */
  kill(): Promise<void>;
  /** SIGSTOP: its sockets are open, and nobody answers. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
  /** Starts it again, in good order if it runs, and waits until it serves. */
  restart(): Promise<void>;
  /** What it printed last. */
  log(): string;
  /** Kills it and removes its data. */
  dispose(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface ServerPlan {
  /** For messages. */
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  /** Whether it serves: asked again and again after the start. */
  readonly isHealthy: () => Promise<boolean>;
  /** Removes what it leaves behind. */
  readonly removeData: () => Promise<void>;
}

/** The server that a plan describes. It is started by `restart`. */
export class ServerProcess implements Server {
  readonly #plan: ServerPlan;
  #child: ChildProcess | undefined;
  #log = '';

  constructor(plan: ServerPlan) {
    this.#plan = plan;
  }

  get pid(): number {
    const pid = this.#child?.pid;
    if (pid === undefined) throw new Error(`${this.#plan.name} does not run`);
    return pid;
  }

  get runs(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  async restart(): Promise<void> {
    this.launch();
    await this.untilHealthy();
  }

  /** Starts it, after what ran has ended, without a word on whether it will serve. */
  launch(): void {
    if (this.runs) throw new Error(`${this.#plan.name} runs: stop it first`);
    // setpriv asks the kernel for the signal and then becomes the server, so its process id is the server's
    const args = ['--pdeathsig', 'KILL', '--', this.#plan.program, ...this.#plan.args];
    const child = spawn('setpriv', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const keep = (text: string): void => {
      this.#log = (this.#log + text).slice(-serverLimits.logCharactersMax);
    };
    child.stdout.setEncoding('utf8').on('data', keep);
    child.stderr.setEncoding('utf8').on('data', keep);
    child.once('error', (error) => keep(`${error.message}\n`));
    this.#child = child;
  }

  async untilHealthy(): Promise<void> {
    const deadline = performance.now() + serverLimits.startDeadlineMs;
    while (!(await this.#plan.isHealthy().catch(() => false))) {
      if (!this.runs || performance.now() > deadline) {
        await this.kill();
        throw new Error(`${this.#plan.name} does not serve:\n${this.#log.slice(-4000)}`);
      }
      await pause(serverLimits.healthPollMs);
    }
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM');
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  pause(): void {
    this.#signal('SIGSTOP');
  }

  resume(): void {
    this.#signal('SIGCONT');
  }

  log(): string {
    return this.#log;
  }

  async dispose(): Promise<void> {
    await this.kill();
    await this.#plan.removeData();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.dispose();
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    if (child?.pid === undefined || !this.runs) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    const late = setTimeout(() => child.kill('SIGKILL'), serverLimits.stopGraceMs);
    await ended;
    clearTimeout(late);
  }

  #signal(signal: NodeJS.Signals): void {
    if (!this.runs) throw new Error(`${this.#plan.name} does not run`);
    this.#child?.kill(signal);
  }
}

/** Whether an HTTP server answers with success. */
export async function answersOk(url: string): Promise<boolean> {
  const response = await fetch(url, { signal: AbortSignal.timeout(serverLimits.healthAnswerMs) });
  await response.arrayBuffer();
  return response.ok;
}

/** Starts servers on ports that were free a moment ago, and on others if one of them is taken by now. */
export async function onFreePorts<Started>(start: () => Promise<Started>): Promise<Started> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await start();
    } catch (error) {
      const isTaken = String(error).includes('address already in use');
      if (!isTaken || attempt === serverLimits.startAttemptsMax) throw error;
    }
  }
}
