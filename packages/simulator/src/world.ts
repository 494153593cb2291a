// A simulated world: real coordinators and real agents above their ports, on nodes, a network, a ledger and a vault
// that are modelled, with programs that send each other messages. It is watched after every step.
import { type Coordinator, startCoordinator } from '@stillpoint/coordinator/assembly';
import { ledgerKeys } from '@stillpoint/protocol';
import pino, { type Logger } from 'pino';
import { Addresses } from './addresses.ts';
import { Engine } from './engine.ts';
import type { Plan, StepFaults } from './faults.ts';
import { SimulatedHooks } from './hooks.ts';
import { Kernel } from './kernel.ts';
import { SimulatedLedger } from './ledger.ts';
import { addressOf, type Member, memberName, runsUnheld } from './member.ts';
import { Network } from './network.ts';
import { SimulatedNode } from './node.ts';
import { SimulatedProcess } from './process.ts';
import { platformOf } from './platform.ts';
import { type Random, seededRandom } from './random.ts';
import { SharedFile } from './shared-file.ts';
import { SimulatedVault } from './vault.ts';
import { Watch } from './watch.ts';

export const gangName = 'g';
/** How long whoever is about to lead is waited for. */
const lookAgainMs = 15_000;

/** Sources of chance, each with its own stream. */
interface Chance {
  readonly steps: Random;
  readonly processes: Random;
  readonly users: Random;
}

/** A coordinator's process, and the coordinator once it leads. */
export interface Leading {
  readonly process: SimulatedProcess;
  coordinator: Coordinator | undefined;
}

export class World {
  readonly plan: Plan;
  readonly engine = new Engine();
  readonly network: Network;
  readonly ledger: SimulatedLedger;
  readonly vault: SimulatedVault;
  readonly file = new SharedFile();
  readonly hooks: SimulatedHooks;
  readonly kernel: Kernel;
  readonly watch: Watch;
  readonly chance: Chance;
  readonly nodes = new Map<string, SimulatedNode>();
  /** The coordinators that are alive; the last one leads, or is about to. */
  readonly coordinators: Leading[] = [];
  readonly addresses: Addresses;
  readonly log: Logger;
  readonly #trace: ((line: string) => void) | undefined;
  #isFaulty = false;
  #names = 0;

  constructor(plan: Plan, trace?: (line: string) => void) {
    this.plan = plan;
    this.#trace = trace;
    const random = seededRandom(plan.seed);
    this.chance = {
      steps: random.stream('steps'),
      processes: random.stream('processes'),
      users: random.stream('users'),
    };
    this.network = new Network(this.engine, random.stream('network'), plan.network);
    this.ledger = new SimulatedLedger(this.engine, this.network, random.stream('ledger'), plan.ledger);
    this.vault = new SimulatedVault(this.engine, random.stream('vault'));
    this.hooks = new SimulatedHooks(this.engine, random.stream('hooks'));
    this.watch = new Watch(this);
    this.addresses = new Addresses(this.nodes, this.ledger);
    this.kernel = new Kernel(this.engine, random.stream('kernel'), {
      addresses: this.addresses,
      network: this.network,
      file: this.file,
      violated: (what) => this.watch.violated(what),
    });
    this.log = pino(
      {
        level: trace === undefined ? 'silent' : 'info',
        base: null,
        timestamp: false,
        serializers: { err: String },
      },
      { write: (line: string) => trace?.(`${this.#moment()} ${line.trim()}`) },
    );
    for (let index = 1; index <= plan.nodes; index += 1) this.node(`n${index}`);
    this.heal();
  }

  /** Things go wrong from now on. */
  trouble(): void {
    this.#isFaulty = true;
    for (const part of [this.network, this.ledger, this.hooks]) part.isFaulty = true;
  }

  /** Nothing goes wrong any more, and what was wrong is mended; what is dead stays so. */
  heal(): void {
    this.#isFaulty = false;
    for (const part of [this.network, this.ledger, this.hooks]) part.isFaulty = false;
    this.network.mendAll();
    this.ledger.isAway = false;
    this.ledger.isMute = false;
    this.vault.isAway = false;
    this.vault.isFull = false;
    for (const node of this.nodes.values()) {
      node.isDiskFull = false;
      node.agent?.goOn();
    }
    for (const { process } of this.coordinators) process.goOn();
  }

  strikes(fault: keyof StepFaults): boolean {
    return this.#isFaulty && this.chance.steps.chance(this.plan.steps[fault]);
  }

  say(what: string): void {
    this.#trace?.(`${this.#moment()} ${what}`);
  }

  wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.engine.after(delayMs, resolve);
    });
  }

  node(name: string): SimulatedNode {
    const known = this.nodes.get(name);
    if (known !== undefined) return known;
    const node = new SimulatedNode(name, this.nodes.size + 1);
    this.nodes.set(name, node);
    return node;
  }

  /** The coordinator that leads now, if one does: one that was deposed may not know. */
  get leader(): Coordinator | undefined {
    const fence = this.ledger.peek(ledgerKeys.fence);
    return this.coordinators.find(({ coordinator }) => coordinator?.context.store.fence === fence)
      ?.coordinator;
  }

  /** Starts a coordinator; one that leads already is deposed by it. */
  startCoordinator(): void {
    const process = this.newProcess('coordinator', 'control');
    const leading: Leading = { process, coordinator: undefined };
    this.coordinators.push(leading);
    const fatal = (error: unknown): void => {
      this.say(`${process.name} ends: ${String(error)}`);
      this.endCoordinator(leading);
    };
    startCoordinator({
      clock: process.clock,
      ledger: this.ledger.connect(process),
      vault: this.vault.connect(process),
      platform: platformOf(this, process),
      hooks: { http: () => this.hooks.call() },
      makeFiles: () =>
        this.file.port(
          () => this.members().some(runsUnheld),
          (what) => this.watch.violated(what),
        ),
      log: this.log,
      onFatal: fatal,
    }).then(
      (coordinator) => {
        leading.coordinator = coordinator;
      },
      (error: unknown) => fatal(error),
    );
  }

  /** Its process is gone; another is started after a while, unless there is one. */
  endCoordinator(leading: Leading): void {
    if (!leading.process.isAlive) return;
    leading.process.kill();
    this.coordinators.splice(this.coordinators.indexOf(leading), 1);
    this.engine.after(this.chance.processes.between(500, 4_000), () => {
      this.keepLed();
    });
  }

  /** Starts a coordinator unless one leads; one that is about to may turn out to be deposed already. */
  keepLed(): void {
    if (this.leader !== undefined) return;
    const isComing = this.coordinators.some(
      ({ process, coordinator }) => !process.isStopped && coordinator === undefined,
    );
    if (!isComing) this.startCoordinator();
    this.engine.after(lookAgainMs, () => this.keepLed());
  }

  members(): Member[] {
    return [...this.nodes.values()].flatMap((node) => [...node.members]);
  }

  /** Changes a member, and looks at what that has made of the world. */
  change(member: Member, change: Partial<Member>): void {
    Object.assign(member, change);
    const { state, isFrozen, hold } = member;
    this.say(
      `${memberName(member)} is ${state}${isFrozen ? ', frozen' : ''}${hold === undefined ? '' : `, held by ${hold}`}`,
    );
    this.watch.look();
  }

  /** A member that was launched or restored begins to run, as soon as nothing keeps it. */
  launched(node: SimulatedNode, member: Member): void {
    this.kernel.start(member, addressOf(node.index, member.slot));
  }

  /** A member's processes end. */
  die(node: SimulatedNode, member: Member, exitCode: number, why: string): void {
    this.watch.excuse(member, why);
    this.change(member, { state: 'exited', exitCode });
    node.onDeath?.(member, why);
  }

  remove(node: SimulatedNode, member: Member): void {
    node.members.delete(member);
    this.change(member, { state: 'exited' });
  }

  /** Everything on a node is gone. */
  loseNode(node: SimulatedNode, why: string): void {
    for (const member of node.members) this.watch.excuse(member, why);
    this.watch.hasLostNodes = true;
    node.lose();
    this.say(`${node.name} is lost: ${why}`);
    this.watch.look();
  }

  /** A name that nothing in this world has. */
  newName(what: string): string {
    this.#names += 1;
    return `${what} ${this.#names}`;
  }

  newProcess(what: string, host: string): SimulatedProcess {
    const drift = (this.chance.processes.next() * 2 - 1) * this.plan.drift;
    const process = new SimulatedProcess(this.engine, this.newName(what), host, 1 + drift);
    this.say(`${process.name} starts`);
    return process;
  }

  #moment(): string {
    return `${(this.engine.nowMs / 1_000).toFixed(3).padStart(9)} s`;
  }
}
