// A whole cluster on this machine: three etcd members and a nats-server with TLS and access control, coordinators and agents as
// services, each of which can be killed, paused, or cut off from NATS and etcd. Members run on the virtual network of one state folder.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { cleanLeftovers, type HomePaths, homePaths } from '@stillpoint/agent';
import { apiSocket, CoordinatorClient } from '@stillpoint/coordinator';
import {
  answersOk,
  type Authority,
  type EtcdCluster,
  type Gate,
  makeAuthority,
  type NatsServer,
  openGate,
  ServerProcess,
  startEtcdCluster,
  startNatsServer,
} from '@stillpoint/servers';
import { buildWorkloads, workload } from '../workloads/harness.ts';
import { type CliResult, startCli } from './cli.ts';
import { slowDown, TestGang } from './gang.ts';
import { describeRemains, endRemains, findRemains } from './remains.ts';
import { until } from './until.ts';

const execFileAsync = promisify(execFile);
const program = fileURLToPath(new URL('../../packages/cli/src/main.ts', import.meta.url));

/** `stillpoint serve` or `stillpoint agent`, behind gates of its own. */
export class Service {
  readonly name: string;
  readonly home: string;
  readonly process: ServerProcess;
  /** To NATS first, then to etcd's members. */
  readonly #gates: readonly Gate[];

  constructor(name: string, home: string, process: ServerProcess, gates: readonly Gate[]) {
    this.name = name;
    this.home = home;
    this.process = process;
    this.#gates = gates;
  }

  /** From now on nothing passes between it and NATS and etcd, or NATS alone. */
  cut(from: 'all' | 'nats' = 'all'): void {
    for (const gate of this.#gates.slice(0, from === 'nats' ? 1 : undefined)) gate.cut();
  }

  heal(): void {
    for (const gate of this.#gates) gate.heal();
  }

  async dispose(): Promise<void> {
    await this.process.dispose();
    for (const gate of this.#gates) await gate.close();
  }
}

export class TestCluster implements AsyncDisposable {
  readonly etcd: EtcdCluster;
  readonly nats: NatsServer;
  /** Of the nodes, where they share a state folder. */
  readonly paths: HomePaths;
  coordinators: readonly Service[] = [];
  agents: readonly Service[] = [];
  readonly #base: string;
  readonly #authority: Authority;

  private constructor(base: string, authority: Authority, etcd: EtcdCluster, nats: NatsServer) {
    this.#base = base;
    this.#authority = authority;
    this.etcd = etcd;
    this.nats = nats;
    this.paths = homePaths(join(base, 'nodes'), join(base, 'shared'));
  }

  /**
   * Starts two coordinators and an agent for each node, and adds the nodes. Needs root.
   *
   * @param options `areMachines`: each of two nodes has a state folder and a switch of its own, and a cable joins them
   */
  static async start(
    nodes: readonly string[] = ['n1', 'n2', 'n3'],
    { areMachines = false }: { readonly areMachines?: boolean } = {},
  ): Promise<TestCluster> {
    await buildWorkloads();
    const base = await realpath(await mkdtemp(join('/var/tmp', 'stillpoint-test-')));
    for (const folder of ['shared', 'nodes', 'work']) await mkdir(join(base, folder));
    const authority = await makeAuthority();
    const server = await authority.server('cluster');
    const etcd = await startEtcdCluster(3, { tls: { authority, server, clientsShowCertificate: true } });
    const nats = await startAuthorizedNats(base, authority, etcd, nodes, server);
    const cluster = new TestCluster(base, authority, etcd, nats);
    try {
      const uplinks = areMachines ? await makeCable(cluster.paths) : [];
      for (const [at, node] of nodes.entries()) {
        const home = areMachines ? `machine-${node}` : 'nodes';
        const agent = await cluster.#service('agent', `stillpoint-agent-${node}`, home, {
          agent: { node, index: at + 1, listen: '127.0.0.1:0', uplink: uplinks[at] },
        });
        cluster.agents = [...cluster.agents, agent];
      }
      for (const name of ['c1', 'c2']) {
        const coordinator = await cluster.#service('serve', 'stillpoint-coordinator', name, {
          coordinator: { name, listen: '127.0.0.1:0' },
        });
        cluster.coordinators = [...cluster.coordinators, coordinator];
      }
      for (const node of nodes) await cluster.ok('node', 'add', node);
      return cluster;
    } catch (error) {
      process.stderr.write(`${cluster.logs()}\n`);
      await cluster.dispose().catch(() => undefined);
      throw error;
    }
  }

  /** The coordinator that leads; waits until one does. */
  leader(deadlineMs?: number): Promise<Service> {
    return until(
      async () => {
        for (const service of this.coordinators)
          if (
            await this.clientOf(service)
              .health()
              .then(Boolean, () => false)
          )
            return service;
        return undefined;
      },
      'a coordinator that leads',
      deadlineMs,
    );
  }

  clientOf(service: Service): CoordinatorClient {
    return new CoordinatorClient(apiSocket(homePaths(service.home)));
  }

  async client(): Promise<CoordinatorClient> {
    return this.clientOf(await this.leader());
  }

  agent(node: string): Service {
    const found = this.agents.find(({ name }) => name === node);
    if (found === undefined) throw new Error(`no agent of ${node}`);
    return found;
  }

  /** Runs a verb of the command line where a coordinator is, or leads. */
  async cli(args: readonly string[], at?: Service): Promise<CliResult> {
    const { home } = at ?? (await this.leader());
    const env = { ...environment(), STILLPOINT_HOME: home };
    return startCli(args, { env, cwd: this.#base }).result;
  }

  /** Runs a verb that must succeed. @returns what it printed */
  async ok(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.cli(args);
    if (code !== 0) throw new Error(`stillpoint ${args.join(' ')}: exit ${code}\n${stdout}${stderr}`);
    return stdout;
  }

  /** Starts a gang of one member a node. */
  async run(
    name: string,
    command: readonly [string, ...string[]],
    pace: readonly string[],
  ): Promise<TestGang> {
    const cwd = join(this.#base, 'work', name);
    await mkdir(cwd, { recursive: true });
    const [relative, ...args] = command;
    const members = this.agents.length;
    await (
      await this.client()
    ).run({
      name,
      ranks: members,
      nodes: members,
      cwd,
      command: [workload(relative), ...args, ...pace, ...(await slowDown(cwd))],
      environment: environment(),
    });
    return this.gang(name);
  }

  /** A gang as the coordinator that leads now has it. */
  async gang(name: string): Promise<TestGang> {
    return new TestGang(await this.client(), {
      name,
      members: this.agents.length,
      cwd: join(this.#base, 'work', name),
    });
  }

  /** What all services have logged last. */
  logs(): string {
    return [...this.coordinators, ...this.agents]
      .map(({ name, process }) => `--- ${name}\n${process.log().slice(-6000)}`)
      .join('\n');
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  /** Ends all services, then what is left of the nodes, and proves that nothing is. */
  async dispose(): Promise<void> {
    const problems: string[] = [];
    const attempt = async (work: () => Promise<unknown>): Promise<void> => {
      await work().catch((error: unknown) => problems.push((error as Error).message));
    };
    for (const service of [...this.coordinators, ...this.agents]) await attempt(() => service.dispose());
    for (const home of new Set([this.paths.home, ...this.agents.map((agent) => agent.home)])) {
      const paths = homePaths(home, this.paths.shared);
      await attempt(() => cleanLeftovers(paths, []));
      problems.push(...describeRemains(findRemains(paths)));
      await attempt(() => endRemains(paths));
    }
    for (const { home } of this.coordinators)
      await attempt(() => rm(homePaths(home).runtime, { recursive: true, force: true }));
    await attempt(() => this.nats.dispose());
    await attempt(() => this.etcd.dispose());
    await attempt(() => this.#authority.dispose());
    await rm(this.#base, { recursive: true, force: true });
    if (problems.length > 0) throw new Error(`something is left of ${this.#base}:\n${problems.join('\n')}`);
  }

  async #service(verb: string, identity: string, home: string, own: object): Promise<Service> {
    const gates = [];
    for (const url of [this.nats.url, ...this.etcd.urls])
      gates.push(await openGate(Number(new URL(url).port)));
    const [natsGate, ...etcdGates] = gates;
    const config = configuration(await this.#authority.client(identity), this.#authority, {
      home: join(this.#base, home),
      shared: this.paths.shared,
      nats: `tls://127.0.0.1:${natsGate?.port}`,
      etcd: etcdGates.map(({ port }) => `https://127.0.0.1:${port}`),
    });
    const name = (own as { agent?: { node: string } }).agent?.node ?? home;
    const file = join(this.#base, `${name}.yaml`);
    await writeFile(file, JSON.stringify({ ...config, ...own }));
    const started = new ServerProcess({
      name,
      program: process.execPath,
      args: [program, verb, '--config', file],
      isHealthy: async () => {
        const probes = [...started.log().matchAll(/"probes":"(http:[^"]+)"/g)].at(-1)?.[1];
        return probes !== undefined && (await answersOk(`${probes}/readyz`));
      },
      removeData: () => Promise.resolve(),
    });
    const service = new Service(name, join(this.#base, home), started, gates);
    try {
      await started.restart();
      return service;
    } catch (error) {
      process.stderr.write(`${started.log()}\n`);
      await service.dispose();
      throw error;
    }
  }
}

const environment = (): Record<string, string> => {
  const { PATH = '', HOME = '/root' } = process.env;
  return { PATH, HOME, LANG: 'C.UTF-8', NO_COLOR: '1' };
};

/** Two interfaces that are each other's other end. */
async function makeCable({ tag }: HomePaths): Promise<readonly string[]> {
  const ends = [`sp${tag}a`, `sp${tag}b`] as const;
  await execFileAsync('ip', ['link', 'add', ends[0], 'type', 'veth', 'peer', 'name', ends[1]]);
  return ends;
}

interface Places {
  readonly home: string;
  readonly shared: string;
  readonly nats: string;
  readonly etcd: readonly string[];
}

function configuration(
  identity: { readonly certificateFile: string; readonly keyFile: string },
  authority: Authority,
  { home, shared, nats, etcd }: Places,
): object {
  const tls = {
    authority: authority.certificateFile,
    certificate: identity.certificateFile,
    key: identity.keyFile,
  };
  return { home, shared, nats: { servers: [nats], tls }, etcd: { endpoints: etcd, tls } };
}

/** Makes etcd's users, and gives nats-server what the verb says that it is to allow them. */
async function startAuthorizedNats(
  base: string,
  authority: Authority,
  etcd: EtcdCluster,
  nodes: readonly string[],
  server: Awaited<ReturnType<Authority['server']>>,
): Promise<NatsServer> {
  const file = join(base, 'root.yaml');
  const places = { home: base, shared: base, nats: 'tls://127.0.0.1:4222', etcd: etcd.urls };
  await writeFile(file, JSON.stringify(configuration(await authority.client('root'), authority, places)));
  const args = [
    'authorize',
    '--config',
    file,
    '--nodes',
    nodes.map((node, at) => `${node}=${at + 1}`).join(','),
  ];
  const { code, stdout, stderr } = await startCli(args, { env: environment(), cwd: base }).result;
  if (code !== 0) throw new Error(`stillpoint ${args.join(' ')}: exit ${code}\n${stderr}`);
  return startNatsServer({
    tls: { authority, server, clients: 'verify_and_map' },
    config: `max_payload: 8388608\n${stdout}`,
  });
}
