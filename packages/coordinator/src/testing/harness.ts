// A whole state folder for tests: nodes that are only played, a real ledger, a real vault, and coordinators on it.
import { mkdtemp, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { connectNode } from '@stillpoint/bus';
import { systemClock } from '@stillpoint/clock';
import { type Ledger, openFileLedger } from '@stillpoint/ledger';
import { StillpointError } from '@stillpoint/protocol';
import { openDirectoryVault, type Vault } from '@stillpoint/vault';
import pino, { type Logger } from 'pino';
import { CoordinatorClient } from '../client.ts';
import { type Coordinator, startCoordinator } from '../coordinator.ts';
import { CoordinatorEnds } from '../errors.ts';
import { filesOnDisk } from '../gang-files.ts';
import type { HookMessage } from '../hooks.ts';
import type { NodePlatform } from '../platform.ts';
import { makeServer, type Server } from '../server.ts';
import { FakeAgent, type HookAnswer, type HookRequest } from './fake-agent.ts';
import { FakeWorld } from './fake-node.ts';
import type { FakeStep } from './fake-steps.ts';

/** Level of the coordinators' logs in tests: set STILLPOINT_TEST_LOG=info to see them. */
const level = process.env['STILLPOINT_TEST_LOG'] ?? 'silent';

export interface RunningCoordinator {
  readonly coordinator: Coordinator;
  readonly client: CoordinatorClient;
  readonly fatal: unknown[];
  close(): Promise<void>;
  /** Ends it as SIGKILL would: nothing is given up, nothing is said. */
  crash(): Promise<void>;
}

export class Harness {
  readonly home: string;
  readonly world = new FakeWorld();
  readonly vault: Vault;
  readonly #agentLedger: Ledger;
  readonly #agents = new Map<string, FakeAgent>();
  readonly #coordinators: RunningCoordinator[] = [];
  /** Called before each step of a member: what it throws is the step's failure. */
  beforeStep: (step: FakeStep) => Promise<void> | void = () => undefined;
  /** Called for hooks over HTTP. */
  hook: (url: string, message: HookMessage) => Promise<void> = () => Promise.resolve();
  /** Called for hooks in sandboxes. */
  runHook: (request: HookRequest) => Promise<HookAnswer> = () =>
    Promise.resolve({ kind: 'HookRan', exitCode: 0, isOverdue: false, output: '' });
  /** Steps that were begun, as `step member`. */
  readonly steps: string[] = [];
  /** Of the coordinators that are started from now on. */
  log: Logger = pino({ level });
  /** Whether agents can be started: a test that keeps one down sets it. */
  canStartAgents = true;
  /** Whether members die with their node: those of one that hangs in the kernel do not. */
  canKillNodes = true;

  private constructor(home: string, vault: Vault, agentLedger: Ledger) {
    this.home = home;
    this.vault = vault;
    this.#agentLedger = agentLedger;
  }

  static async create(): Promise<Harness> {
    const home = await mkdtemp('/var/tmp/coordinator-');
    await mkdir(join(home, 'nodes'));
    const vault = await openDirectoryVault(join(home, 'vault'));
    return new Harness(home, vault, await openFileLedger(join(home, 'ledger')));
  }

  socketPath(node: string): string {
    return join(this.home, 'nodes', `${node}.sock`);
  }

  async startAgent(name: string): Promise<void> {
    if (!this.canStartAgents) throw new Error('agents are not started now');
    if (this.#agents.has(name)) return;
    const agent = new FakeAgent({
      node: this.world.node(name),
      socketPath: this.socketPath(name),
      ledger: this.#agentLedger,
      vault: this.vault,
      runHook: (request) => this.runHook(request),
      beforeStep: async (step) => {
        this.steps.push(`${step.step} ${step.member}`);
        await this.beforeStep(step);
      },
    });
    this.#agents.set(name, agent);
    await agent.start();
  }

  /** SIGKILL for the agent; the members of its node stay as they are. */
  async killAgent(name: string): Promise<void> {
    const agent = this.#agents.get(name);
    this.#agents.delete(name);
    await agent?.kill();
  }

  async killNode(name: string): Promise<void> {
    await this.killAgent(name);
    if (!this.canKillNodes)
      throw new StillpointError('SP_NODE_KILL_TIMEOUT', `${name}: processes do not end`, {
        remedy: 'Try again.',
        retryable: true,
      });
    this.world.node(name).lose();
  }

  platform(): NodePlatform {
    return {
      makesNodes: true,
      create: (node) => Promise.resolve(void this.world.node(node.name)),
      startAgent: (node) => this.startAgent(node.name),
      connect: (name) => connectNode(this.socketPath(name)),
      kill: (name) => this.killNode(name),
      cleanLeftovers: async (names) => {
        const ended = [...this.world.nodes.values()]
          .filter((node) => this.#agents.has(node.name) || node.members.size > 0)
          .map(({ name }) => name)
          .filter((name) => !names.includes(name));
        for (const name of ended) await this.killNode(name);
        return ended;
      },
      sweepStaging: (inUse) => Promise.resolve(this.world.sweepStaging(inUse)),
      logFiles: (gang, incarnation, member) => ({
        stdout: `${gang}/${incarnation}/${member}.out`,
        stderr: `${gang}/${incarnation}/${member}.err`,
      }),
      removeGangFiles: () => Promise.resolve(),
    };
  }

  /** Starts a coordinator; one that leads already is deposed by it. */
  async start(): Promise<RunningCoordinator> {
    const fatal: unknown[] = [];
    const ledger = await openFileLedger(join(this.home, 'ledger'));
    const coordinator = await startCoordinator({
      clock: systemClock,
      ledger,
      vault: this.vault,
      platform: this.platform(),
      hooks: { http: (url, message) => this.hook(url, message) },
      makeFiles: (context) => filesOnDisk(context, { shared: this.home, runtime: join(this.home, 'run') }),
      log: this.log,
      onFatal: (error) => fatal.push(error),
    });
    const socket = join(this.home, `api-${this.#coordinators.length}.sock`);
    const server: Server = makeServer({
      coordinator,
      home: this.home,
      version: 'test',
      onActivity: () => undefined,
      onShutdown: () => undefined,
    });
    await server.listen(socket);
    let isClosed = false;
    const running: RunningCoordinator = {
      coordinator,
      client: new CoordinatorClient(socket),
      fatal,
      close: async () => {
        if (isClosed) return;
        isClosed = true;
        await server.close();
        await coordinator.close();
      },
      crash: async () => {
        isClosed = true;
        const { context } = coordinator;
        context.fatal(new CoordinatorEnds());
        fatal.splice(0);
        for (const { epochRun, restoreRun } of context.gangs.list()) {
          epochRun?.abandonToSuccessor();
          restoreRun?.abandonToSuccessor();
        }
        await context.nodes.close();
        await server.close();
        await ledger.close();
      },
    };
    this.#coordinators.push(running);
    return running;
  }

  /** Frees everything. @throws when something was seen that must never happen, or a coordinator could not go on */
  async dispose(): Promise<void> {
    this.beforeStep = () => undefined;
    for (const coordinator of this.#coordinators) await coordinator.close();
    for (const name of [...this.#agents.keys()]) await this.killAgent(name);
    await this.#agentLedger.close();
    await rm(this.home, { recursive: true, force: true });
    for (const { fatal } of this.#coordinators) if (fatal.length > 0) throw fatal[0];
    if (this.world.violations.length > 0) throw new Error(this.world.violations.join('; '));
  }
}
