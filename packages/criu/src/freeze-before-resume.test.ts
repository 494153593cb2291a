// A tree restored by the real CRIU stands frozen, and not one of its instructions has run; when it cannot be frozen
// it is killed. On every freezer that this machine has.
import { readFileSync } from 'node:fs';
import { mkdir, readFile, rmdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { dumpArguments, restoreArguments } from './arguments.ts';
import { freezeBeforeResumeScript, freezeDescriptors, freezeEnvironment } from './freeze-before-resume.ts';
import { eventually, missingForCriu, Sandbox, temporaryFolder } from './testing.ts';

const missing = missingForCriu();
const counter = join(import.meta.dirname, '../testdata/counter.py');
/** Of the file that the program counts in. */
const pageBytes = 4096;
const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n');

/** A freezer that this machine has. */
interface Freezer {
  readonly version: 'v1' | 'v2';
  readonly mount: string;
  readonly file: string;
  readonly frozen: string;
  readonly thawed: string;
}

const freezers: readonly Freezer[] = [
  ...mountsOf(/ cgroup .*\bfreezer\b/).map((mount) => ({
    ...{ version: 'v1' as const, mount, file: 'freezer.state' },
    ...{ frozen: 'FROZEN', thawed: 'THAWED' },
  })),
  ...mountsOf(/ cgroup2 /).map((mount) => ({
    ...{ version: 'v2' as const, mount, file: 'cgroup.freeze' },
    ...{ frozen: '1', thawed: '0' },
  })),
];

describe.skipIf(missing !== undefined)(`a tree of processes (${missing ?? 'real CRIU'})`, () => {
  test('there is a freezer to try', () => {
    expect(freezers.length).toBeGreaterThan(0);
  });

  test.each(freezers)('comes back frozen in a cgroup $version, before it runs', async (freezer) => {
    await using stage = await Stage.dumped(freezer);
    expect(stage.afterDump).toEqual({ frozen: true, counters: stage.countersAtDump });
    await using sandbox = await Sandbox.start();
    await stage.restore(sandbox, stage.freezerFile);
    expect(await readFile(stage.freezerFile, 'utf8')).toBe(`${freezer.frozen}\n`);
    expect(await stage.processes()).toHaveLength(2); // CRIU itself has left
    expect(await readFile(stage.counters)).toEqual(stage.countersAtDump);
    await sandbox.run(process.execPath, '--version');
    expect(await readFile(stage.counters)).toEqual(stage.countersAtDump);

    await writeFile(stage.freezerFile, freezer.thawed);
    await stage.allCount();
    await stage.end();
  });

  test.each(freezers)('is killed when it cannot be frozen in a cgroup $version', async (freezer) => {
    await using stage = await Stage.dumped(freezer);
    await using sandbox = await Sandbox.start();
    await expect(stage.restore(sandbox, '/dev/full')).rejects.toMatchObject({ code: 'SP_CRIU_NOT_FROZEN' });
    await eventually('all are gone', async () => ((await stage.processes()).length === 0 ? true : undefined));
    expect(await readFile(stage.counters)).toEqual(stage.countersAtDump);
  });
});

/** Two cgroups, and the images of counting processes that were frozen in one of them. */
class Stage implements AsyncDisposable {
  readonly #freezer: Freezer;
  readonly #folder: Awaited<ReturnType<typeof temporaryFolder>>;
  readonly #member: string;
  readonly #elsewhere: string;
  countersAtDump: Buffer = Buffer.alloc(0);
  /** What CRIU left behind when its dump had ended. */
  afterDump: { readonly frozen: boolean; readonly counters: Buffer } | undefined;

  private constructor(freezer: Freezer, folder: Awaited<ReturnType<typeof temporaryFolder>>) {
    this.#freezer = freezer;
    this.#folder = folder;
    this.#member = join(freezer.mount, `stillpoint-test-${process.pid}-member`);
    this.#elsewhere = join(freezer.mount, `stillpoint-test-${process.pid}-elsewhere`);
  }

  static async dumped(freezer: Freezer): Promise<Stage> {
    const stage = new Stage(freezer, await temporaryFolder());
    for (const folder of [stage.#member, stage.#elsewhere, stage.#path('images')]) await mkdir(folder);
    try {
      await stage.#dump();
      return stage;
    } catch (error) {
      await stage[Symbol.asyncDispose]();
      throw error;
    }
  }

  get counters(): string {
    return join(this.#folder.path, 'counters');
  }

  get freezerFile(): string {
    return join(this.#member, this.#freezer.file);
  }

  async processes(): Promise<number[]> {
    const text = await readFile(join(this.#member, 'cgroup.procs'), 'utf8');
    return text.split('\n').filter(Boolean).map(Number);
  }

  /** Waits until every counter has gone on. */
  async allCount(): Promise<void> {
    const start = await readFile(this.counters);
    await eventually('all count', async () => {
      const now = await readFile(this.counters);
      return (
        [0, 8, 16].every((offset) => now.readBigUInt64LE(offset) > start.readBigUInt64LE(offset)) || undefined
      );
    });
  }

  async restore(sandbox: Sandbox, freezerFile: string): Promise<void> {
    const [logFile, script] = [this.#path('restore.log'), this.#path('freeze.sh')];
    await writeFile(script, freezeBeforeResumeScript, { mode: 0o755 });
    const args = restoreArguments({ imagesDirectory: this.#path('images'), logFile, actionScript: script });
    await sandbox.criu('restore', logFile, args, {
      prelude: `echo 0 >&${freezeDescriptors.memberProcesses};`,
      environment: freezeEnvironment(this.#freezer.version),
      descriptors: {
        [freezeDescriptors.memberProcesses]: join(this.#member, 'cgroup.procs'),
        [freezeDescriptors.elsewhereProcesses]: join(this.#elsewhere, 'cgroup.procs'),
        [freezeDescriptors.freezer]: freezerFile,
      },
    });
  }

  /** Kills what is in the member's cgroup; frozen v1 tasks die only when thawed. */
  async end(): Promise<void> {
    for (const pid of await this.processes()) process.kill(pid, 'SIGKILL');
    await writeFile(this.freezerFile, this.#freezer.thawed);
    await eventually('all are gone', async () => ((await this.processes()).length === 0 ? true : undefined));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
    await rmdir(this.#member);
    await rmdir(this.#elsewhere);
    await this.#folder[Symbol.asyncDispose]();
  }

  async #dump(): Promise<void> {
    await using sandbox = await Sandbox.start();
    sandbox.start({
      command: ['/usr/bin/python3', counter, this.counters],
      log: this.#path('program.log'),
      cgroups: [this.#member],
    });
    await eventually('the counters are there', async () => {
      const found = await stat(this.counters).catch(() => undefined);
      return found?.size === pageBytes || undefined;
    });
    await this.allCount();
    await writeFile(this.freezerFile, this.#freezer.frozen);
    await eventually('frozen', async () => (await this.#isFrozen()) || undefined);
    this.countersAtDump = await readFile(this.counters);

    const logFile = this.#path('dump.log');
    const pid = await rootPid(await this.processes());
    const paths = { imagesDirectory: this.#path('images'), logFile, freezeCgroup: this.#member };
    await sandbox.criu('dump', logFile, dumpArguments({ pid, ...paths }));
    this.afterDump = { frozen: await this.#isFrozen(), counters: await readFile(this.counters) };
    await this.end();
  }

  async #isFrozen(): Promise<boolean> {
    if (this.#freezer.version === 'v1') return (await readFile(this.freezerFile, 'utf8')) === 'FROZEN\n';
    return /^frozen 1$/m.test(await readFile(join(this.#member, 'cgroup.events'), 'utf8'));
  }

  #path(name: string): string {
    return join(this.#folder.path, name);
  }
}

/** The PID, in its own namespace, of the one process whose parent is none of the others. */
async function rootPid(processes: readonly number[]): Promise<number> {
  for (const pid of processes) {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    const parent = Number(/^PPid:\t(\d+)$/m.exec(status)?.[1]);
    if (!processes.includes(parent)) return Number(/^NSpid:.*\t(\d+)$/m.exec(status)?.[1]);
  }
  throw new Error('no root among them');
}

/** Mount points of the lines of /proc/self/mounts that match. */
function mountsOf(pattern: RegExp): string[] {
  return mounts.filter((line) => pattern.test(line)).map((line) => line.split(' ')[1] ?? '');
}
