// A whole Stillpoint of its own for one test: a fresh state folder, the real command line, its coordinator and nodes.
// When it is disposed of, it proves that nothing of it is left on the machine, and removes what is.
import { mkdir, mkdtemp, readdir, readFile, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { cleanLeftovers, type HomePaths, homePaths } from '@stillpoint/agent';
import { apiSocket, CoordinatorClient, type RunRequest } from '@stillpoint/coordinator';
import { onTestFailed } from 'vitest';
import { buildWorkloads, workload } from '../workloads/harness.ts';
import { type CliProcess, type CliResult, startCli } from './cli.ts';
import { slowDown, TestGang } from './gang.ts';
import { describeRemains, endRemains, findRemains } from './remains.ts';
import { until } from './until.ts';

export interface StillpointOptions {
  /** Nodes that are there from the start; `run` adds those that it lacks. */
  readonly nodes?: readonly string[];
  /** For the command line, and thereby for the coordinator and the agents. */
  readonly env?: Readonly<Record<string, string>>;
  /** Where the state folder is made. */
  readonly parent?: string;
}

/** A gang to start. A relative program is one of the workloads. */
export interface TestRun extends Omit<RunRequest, 'name' | 'nodes' | 'cwd' | 'command'> {
  readonly name?: string;
  readonly command: readonly [string, ...string[]];
  /** A node for each member unless given. */
  readonly nodes?: number;
  /** Options of the workload that slow it down until `finish`, so that what is done meanwhile falls within its run. */
  readonly pace?: readonly string[];
  /** Application's ranks in a member, where a launcher starts several. */
  readonly ranksPerMember?: number;
}

const shutdownMs = 20_000;

/** Starts a coordinator on a new state folder. Needs root. */
export async function startStillpoint(options: StillpointOptions = {}): Promise<Stillpoint> {
  await buildWorkloads();
  const base = await realpath(await mkdtemp(join(options.parent ?? '/var/tmp', 'stillpoint-test-')));
  const stillpoint = new Stillpoint(base, options.env ?? {});
  onTestFailed(() => {
    process.stderr.write(`${stillpoint.logsAtEnd}\n`);
  });
  try {
    await stillpoint.ok('nodes');
    for (const name of options.nodes ?? []) await stillpoint.client.addNode({ name });
    return stillpoint;
  } catch (error) {
    await stillpoint.dispose().catch(() => undefined);
    throw error;
  }
}

export class Stillpoint implements AsyncDisposable {
  readonly paths: HomePaths;
  /** Working folders of gangs; not a private folder of a sandbox. */
  readonly work: string;
  /** Talks to whichever coordinator runs; it starts none: the command line does. */
  readonly client: CoordinatorClient;
  /** What the coordinator and the agents had logged when this was disposed of. */
  logsAtEnd = '';
  readonly #base: string;
  readonly #env: Readonly<Record<string, string>>;
  readonly #children = new Set<CliProcess>();

  constructor(base: string, env: Readonly<Record<string, string>>) {
    this.#base = base;
    this.paths = homePaths(join(base, 'home'));
    this.work = join(base, 'work');
    this.client = new CoordinatorClient(apiSocket(this.paths));
    const { PATH = '', HOME = '/root', STILLPOINT_CRIU } = process.env;
    this.#env = {
      PATH,
      HOME,
      LANG: 'C.UTF-8',
      NO_COLOR: '1',
      STILLPOINT_HOME: this.paths.home,
      ...(STILLPOINT_CRIU === undefined ? {} : { STILLPOINT_CRIU }),
      ...env,
    };
  }

  /** Starts a verb of the command line. */
  start(...args: readonly string[]): CliProcess {
    const child = startCli(args, { env: this.#env, cwd: this.#base });
    this.#children.add(child);
    const forget = (): boolean => this.#children.delete(child);
    child.result.then(forget, forget);
    return child;
  }

  /** Runs a verb to its end, whatever that is. */
  cli(...args: readonly string[]): Promise<CliResult> {
    return this.start(...args).result;
  }

  /** Runs a verb that must succeed. @returns what it printed */
  async ok(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.cli(...args);
    if (code !== 0) throw new Error(`stillpoint ${args.join(' ')}: exit ${code}\n${stdout}${stderr}`);
    return stdout;
  }

  /** Runs a verb that must succeed, with `--json`. @returns its document */
  async json<Document>(...args: readonly string[]): Promise<Document> {
    return JSON.parse(await this.ok(...args, '--json')) as Document;
  }

  /** Starts a gang; its members have a working folder of their own gang. */
  async run({ command, pace, ranksPerMember, ...request }: TestRun): Promise<TestGang> {
    const name = request.name ?? 'gang';
    const cwd = await this.makeFolder(name);
    const paced = pace === undefined ? command : ([...command, ...pace, ...(await slowDown(cwd))] as const);
    const [program, ...args] = paced;
    await this.client.run({
      ...request,
      name,
      cwd,
      nodes: request.nodes ?? request.ranks,
      command: [workload(program), ...args],
      environment: { ...this.#env, ...request.environment },
    });
    const perMember = ranksPerMember === undefined ? {} : { ranksPerMember };
    return this.gang(name, request.ranks, perMember);
  }

  /** A gang that was started otherwise. */
  gang(name: string, members: number, shape: { readonly ranksPerMember?: number } = {}): TestGang {
    return new TestGang(this.client, { name, members, cwd: join(this.work, name), ...shape });
  }

  /** A folder for a gang to work in. */
  async makeFolder(name: string): Promise<string> {
    const folder = join(this.work, name);
    await mkdir(folder, { recursive: true });
    return folder;
  }

  /** Kills the coordinator as a crash would, and returns once it is gone. */
  async killCoordinator(): Promise<void> {
    const { pid } = await this.client.health();
    process.kill(pid, 'SIGKILL');
    await until(() => !isRunning(pid) || undefined, 'the end of the coordinator');
  }

  /** Ends everything at once and leaves what a machine has after its start: the state folder alone. */
  async cutPower(): Promise<void> {
    await endRemains(this.paths);
  }

  /** Waits until nothing of any gang is left: no process, network, cgroup or folder of a member. */
  async untilNoMembers(deadlineMs = shutdownMs): Promise<void> {
    await until(
      () => {
        const left = this.membersLeft();
        if (left.length > 0) throw new Error(left.join('; '));
        return true;
      },
      'nothing being left of any member',
      deadlineMs,
    );
  }

  /** What is there of members, one line for each thing. */
  membersLeft(): string[] {
    const { namespaces, cgroups, tables } = findRemains(this.paths);
    return [
      ...namespaces.filter((name) => name.startsWith(`sp-${this.paths.tag}-m-`)),
      ...cgroups.filter((folder) => !folder.endsWith(this.paths.tag)),
      ...tables,
    ];
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  /** Ends everything the way a user would, then proves that nothing is left. */
  async dispose(): Promise<void> {
    const problems: string[] = [];
    const attempt = async (work: () => Promise<unknown>): Promise<void> => {
      await work().catch((error: unknown) => problems.push((error as Error).message));
    };
    await attempt(() => this.#endChildren());
    if (await this.#isCoordinatorThere()) {
      await attempt(() => this.#endGangs());
      await attempt(() => this.#endNodes());
      await attempt(() => this.#endCoordinator());
    }
    await attempt(() => cleanLeftovers(this.paths, []));
    problems.push(...describeRemains(findRemains(this.paths)));
    this.logsAtEnd = await this.#readLogs();
    await attempt(() => endRemains(this.paths));
    if (process.env['STILLPOINT_TEST_KEEP'] !== '1') await rm(this.#base, { recursive: true, force: true });
    if (problems.length > 0) throw new Error(`something is left of ${this.#base}:\n${problems.join('\n')}`);
  }

  async #endChildren(): Promise<void> {
    for (const child of this.#children) child.signal('SIGKILL');
    await Promise.allSettled([...this.#children].map(({ result }) => result));
  }

  async #isCoordinatorThere(): Promise<boolean> {
    return this.client.health().then(
      () => true,
      () => false,
    );
  }

  async #endGangs(): Promise<void> {
    const gangs = await this.client.listGangs();
    await Promise.all(gangs.map(({ name }) => this.client.stop(name)));
    await this.untilNoMembers();
  }

  async #endNodes(): Promise<void> {
    const nodes = await this.client.listNodes();
    for (const { name, state } of nodes) if (state !== 'killed') await this.client.killNode(name);
  }

  async #endCoordinator(): Promise<void> {
    const { pid } = await this.client.health();
    process.kill(pid, 'SIGTERM');
    await until(() => !isRunning(pid) || undefined, 'the end of the coordinator', shutdownMs);
  }

  async #readLogs(): Promise<string> {
    const nodes = await readdir(join(this.paths.home, 'nodes')).catch(() => []);
    const files = ['coordinator.log', ...nodes.map((name) => join('nodes', name))];
    const texts = await Promise.all(
      files.map(async (name) => {
        const text = await readFile(join(this.paths.home, name), 'utf8').catch(() => '');
        return `--- ${name}\n${text.slice(-6000)}`;
      }),
    );
    return texts.join('\n');
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
