// Epochs of a gang over NATS: the coordinator's real driver in this process, agents in others. Ledger and vault say yes
// at once.
import { openLog } from '@stillpoint/agent';
import type { NodeLink } from '@stillpoint/bus';
import { openNatsBus } from '@stillpoint/bus/nats';
import { systemClock } from '@stillpoint/clock';
import { epochInput, EpochRun } from '@stillpoint/coordinator/assembly';
import { startGangEpoch } from '@stillpoint/protocol';
import { startNatsServer } from '@stillpoint/servers';
import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../until.ts';
import { limits } from '../limits.ts';
import { readTraffic, trafficBetween, type Traffic } from './traffic.ts';
import { gangName, incarnation, nodeNameOf } from './share.ts';
import { Players } from './players.ts';

interface EpochFigures {
  /** From the order to hold being published until the last member's word that it is held. */
  readonly holdMs: number;
  readonly wholeMs: number;
  readonly coordinatorCpuMs: number;
  readonly agentsCpuMs: number;
  /** Through the server in both directions, agents' signs of life included. */
  readonly traffic: Traffic;
}

export interface GangFigures {
  readonly agents: number;
  readonly members: number;
  readonly epochs: readonly EpochFigures[];
  /** For a second in which nothing happens: signs of life only. */
  readonly idle: { readonly coordinatorCpuMs: number; readonly traffic: Traffic };
}

const program = new URL('agents-main.ts', import.meta.url);
const idleSeconds = 5;
/** Before what is measured: code is compiled. */
const warmUps = 1;

export async function measureStillpoint(
  agents: number,
  membersEach: number,
  rounds: number,
  signal: AbortSignal,
): Promise<GangFigures> {
  await using server = await startNatsServer({ config: 'max_payload: 8388608' });
  await using players = await Players.start(program, server.url, agents, membersEach);
  const bus = await openNatsBus({ servers: [server.url] });
  try {
    const gang = new BenchGang(agents, membersEach, (nodes, command) => bus.sendToAll(nodes, command));
    const links = gang.nodes.map((node) => gang.join(bus.connect(node)));
    await until('all agents', limits.connectMs, signal, () =>
      links.every(({ state }) => state === 'up') ? true : undefined,
    );
    const epochs: EpochFigures[] = [];
    for (let round = -warmUps; round < rounds; round += 1) {
      signal.throwIfAborted();
      const before = await readTraffic(server.monitorUrl);
      const agentsBefore = await players.cpuMs();
      const figures = await gang.runEpoch(signal);
      const agentsCpuMs = (await players.cpuMs()) - agentsBefore;
      const traffic = trafficBetween(before, await readTraffic(server.monitorUrl));
      if (round >= 0) epochs.push({ ...figures, agentsCpuMs, traffic });
    }
    return { agents, members: agents * membersEach, epochs, idle: await measureIdle(server.monitorUrl) };
  } finally {
    await bus.close();
  }
}

async function measureIdle(monitorUrl: string): Promise<GangFigures['idle']> {
  const before = await readTraffic(monitorUrl);
  const cpu = process.cpuUsage();
  await pause(idleSeconds * 1_000);
  const coordinatorCpuMs = cpuMsSince(cpu) / idleSeconds;
  const { messages, bytes } = trafficBetween(before, await readTraffic(monitorUrl));
  return { coordinatorCpuMs, traffic: { messages: messages / idleSeconds, bytes: bytes / idleSeconds } };
}

type World = ConstructorParameters<typeof EpochRun>[3];

class BenchGang {
  readonly nodes: readonly string[];
  readonly #members: readonly { readonly member: number; readonly node: string }[];
  readonly #send: World['send'];
  readonly #log = openLog({}, '/dev/null');
  #epoch = 0;
  #run: EpochRun | undefined;

  constructor(agents: number, membersEach: number, send: World['send']) {
    this.nodes = Array.from({ length: agents }, (_, index) => nodeNameOf(index));
    this.#members = this.nodes.flatMap((node, index) =>
      Array.from({ length: membersEach }, (_, each) => ({ member: index * membersEach + each, node })),
    );
    this.#send = send;
  }

  join(link: NodeLink): NodeLink {
    link.onMessage((event) => {
      if (event.kind === 'Reports') this.#run?.receive(event);
    });
    return link;
  }

  async runEpoch(
    signal: AbortSignal,
  ): Promise<Pick<EpochFigures, 'holdMs' | 'wholeMs' | 'coordinatorCpuMs'>> {
    this.#epoch += 1;
    const opened: Parameters<typeof epochInput>[0] = {
      header: { gang: gangName, incarnation, epoch: this.#epoch, fence: 1 },
      outcome: 'resume',
      outside: 'refuse',
      files: 'refuse',
      members: [...this.#members],
      trigger: 'manual',
      startedAtMs: Date.now(),
    };
    let heldFromMs = 0;
    let heldAtMs = 0;
    const world: World = {
      clock: systemClock,
      send: (nodes, command) => {
        if (command.kind === 'Hold' && heldFromMs === 0) heldFromMs = performance.now();
        this.#send(nodes, command);
      },
      decide: (decision) => Promise.resolve(decision),
      runHooks: () => Promise.reject(new Error('there are no hooks')),
      publish: () => Promise.resolve(),
      close: (closing) => Promise.resolve(closing),
      log: this.#log,
    };
    const cpu = process.cpuUsage();
    const begunMs = performance.now();
    const input = patient(epochInput(opened, `bench-${this.#epoch}`, {}));
    const run = new EpochRun(input.header, opened.outcome, startGangEpoch(input), world);
    this.#run = run;
    run.onPhase((phase) => {
      if (phase === 'note') heldAtMs = performance.now();
    });
    const { result, failure } = await run.untilEnd({ signal });
    const wholeMs = performance.now() - begunMs;
    if (result !== 'published') throw new Error(`an epoch ended as ${result}: ${failure?.message}`);
    return { holdMs: heldAtMs - heldFromMs, wholeMs, coordinatorCpuMs: cpuMsSince(cpu) };
  }
}

/** All agents share the cores of one machine here: what is late is measured, and does not end the epoch. */
function patient(input: ReturnType<typeof epochInput>): ReturnType<typeof epochInput> {
  const deadlines = {
    preflightDeadlineMs: limits.busStepMs,
    freezeDeadlineMs: limits.busStepMs,
    holdDeadlineMs: limits.busStepMs,
    noteDeadlineMs: limits.busStepMs,
    releaseDeadlineMs: limits.busStepMs,
    settleDeadlineMs: limits.busStepMs,
    forgetDeadlineMs: limits.busStepMs,
  };
  return { ...input, limits: { ...input.limits, ...deadlines } };
}

function cpuMsSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}
