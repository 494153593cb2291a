// A small checkout in a temporary folder, with the real launcher and set-up scripts, stand-ins for what they
// would install, and a command line that says how it was called.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const repository = path.resolve(import.meta.dirname, '../..');
const systemFolders = ['/usr/sbin', '/usr/bin', '/sbin', '/bin'];
const runDeadlineMs = 30_000;

/** What a finished run wrote and how it ended (128 + signal where a signal ended it). */
export interface Outcome {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A run in its own process group, with what it wrote so far. */
export interface Run {
  readonly process: ChildProcess;
  readonly stderr: () => string;
  readonly outcome: Promise<Outcome>;
}

export class Checkout implements Disposable {
  readonly folder = mkdtempSync(path.join(tmpdir(), 'stillpoint-setup-'));
  readonly cache = path.join(this.folder, 'cache');
  /** First in PATH of every run. */
  readonly tools = path.join(this.folder, 'tools');
  readonly #running = new Set<ChildProcess>();

  constructor() {
    chmodSync(this.folder, 0o755);
    const copied = ['stillpoint', 'scripts', 'package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml'];
    for (const name of copied) {
      cpSync(path.join(repository, name), this.path(name), { recursive: true });
    }
    mkdirSync(this.tools);
    this.write('packages/cli/package.json', '{"name":"@stillpoint/cli","type":"module"}');
    this.write(
      'packages/cli/src/main.ts',
      'console.log(JSON.stringify({ cwd: process.cwd(), arguments: process.argv.slice(2), env: process.env }));\n',
    );
    // What pnpm would bring: Node in node_modules, by a link to the real one.
    this.tool(
      'npx',
      `mkdir -p '${this.folder}/node_modules'
       ln -sfn '${repository}/node_modules/node' '${this.folder}/node_modules/node'
       echo "npx $*" >> '${this.path('npx.log')}'`,
    );
    this.tool('apt-get', 'echo "apt-get $*: this test installs nothing" >&2; exit 1');
  }

  path(name: string): string {
    return path.join(this.folder, name);
  }

  write(name: string, text: string): void {
    mkdirSync(path.dirname(this.path(name)), { recursive: true });
    writeFileSync(this.path(name), text);
  }

  /** Puts a program in front of the system's in PATH. */
  tool(name: string, script: string): void {
    writeFileSync(path.join(this.tools, name), `#!/bin/bash\n${script}\n`, { mode: 0o755 });
  }

  /** A PATH that has the system's programs but these. */
  pathWithout(...names: readonly string[]): string {
    const folder = mkdtempSync(path.join(this.folder, 'path-'));
    chmodSync(folder, 0o755);
    for (const name of new Set(systemFolders.flatMap((system) => readdirSync(system)))) {
      const home = systemFolders.find((system) => readdirSync(system).includes(name));
      if (!names.includes(name)) symlinkSync(`${home}/${name}`, path.join(folder, name));
    }
    return folder;
  }

  start(command: readonly string[], options: { cwd?: string; env?: NodeJS.ProcessEnv } = {}): Run {
    const [program = '', ...args] = command;
    const child = spawn(program, args, {
      cwd: options.cwd ?? this.folder,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
      timeout: runDeadlineMs,
      env: {
        HOME: this.folder,
        PATH: `${this.tools}:${process.env['PATH']}`,
        STILLPOINT_CACHE: this.cache,
        STILLPOINT_CRIU: '/bin/true',
        ...options.env,
      },
    });
    this.#running.add(child);
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const outcome = once(child, 'close').then((): Outcome => {
      this.#running.delete(child);
      return { code: child.exitCode, stdout, stderr };
    });
    return { process: child, stderr: () => stderr, outcome };
  }

  /** Runs `./stillpoint ARGS` to its end. */
  stillpoint(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
    return this.start([this.path('stillpoint'), ...args], { env }).outcome;
  }

  [Symbol.dispose](): void {
    for (const child of this.#running) {
      try {
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      } catch {
        // It ended meanwhile.
      }
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}
