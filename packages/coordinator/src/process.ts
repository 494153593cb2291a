// The life of a coordinator's process: one a state folder, ready when its socket answers, gone when nobody needs it.
import { readFileSync } from 'node:fs';
import { holdExclusively } from '@stillpoint/bus';
import { systemClock } from '@stillpoint/clock';
import { openFileLedger } from '@stillpoint/ledger';
import { openDirectoryVault } from '@stillpoint/vault';
import { type HomePaths, openLog } from '@stillpoint/agent';
import { z } from 'zod';
import { type Coordinator, startCoordinator } from './coordinator.ts';
import { filesOnDisk } from './gang-files.ts';
import { apiSocket, coordinatorLog, requireLedger, requireLocalHome } from './home.ts';
import { callOverHttp } from './hooks.ts';
import { limits } from './limits.ts';
import type { NodePlatform } from './platform.ts';
import { makeServer, type Server } from './server.ts';
import { asErrorLine } from './stream.ts';

export interface ProcessSetup {
  readonly paths: HomePaths;
  readonly platform: NodePlatform;
}

/**
 * Runs until a signal, until nobody needs it, or until another coordinator has the lead. If it can't start it says
 * why as one line of JSON on standard output.
 */
export async function runProcess(prepare: () => Promise<ProcessSetup>): Promise<void> {
  try {
    const setup = await prepare();
    const release = await holdExclusively(`stillpoint-coordinator-${setup.paths.tag}`);
    // another one serves this state folder: whoever started this one talks to that
    if (release === undefined) process.exit(0);
    await serve(setup);
  } catch (error) {
    process.stdout.write(`${JSON.stringify(asErrorLine(error))}\n`, () => process.exit(1));
  }
}

async function serve({ paths, platform }: ProcessSetup): Promise<void> {
  const log = openLog({ pid: process.pid }, coordinatorLog(paths));
  await requireLocalHome(paths);
  await requireLedger(paths);
  const [ledger, vault] = await Promise.all([openFileLedger(paths.ledger), openDirectoryVault(paths.vault)]);
  const parts: { server?: Server; coordinator?: Coordinator } = {};
  let isEnding = false;
  const end = async (why: string, nodes: 'keep' | 'remove' = 'keep'): Promise<void> => {
    if (isEnding) return;
    isEnding = true;
    log.info({ why }, 'this coordinator ends');
    // whatever hangs, it ends: a successor finishes what is left
    setTimeout(() => process.exit(1), 2 * limits.shutdownMs).unref();
    await parts.server?.close();
    await parts.coordinator?.close();
    // they are made again when somebody needs them
    if (nodes === 'remove') await platform.cleanLeftovers([]);
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void end(signal));
  for (const event of ['uncaughtException', 'unhandledRejection'] as const)
    process.once(event, (error: unknown) => {
      log.fatal({ err: error }, event);
      process.exit(1);
    });

  const { home } = paths;
  const onFatal = (): void => process.exit(1);
  const coordinator = await startCoordinator({
    clock: systemClock,
    ledger,
    vault,
    platform,
    makeFiles: (context) => filesOnDisk(context, paths),
    hooks: { http: callOverHttp },
    log,
    onFatal,
  });
  parts.coordinator = coordinator;
  coordinator.context.metrics.addProcess();
  const idle = new IdleClock(coordinator);
  const version = ownVersion();
  const server = makeServer({
    coordinator,
    home,
    version,
    onActivity: (underWay) => idle.note(underWay),
    onShutdown: () => void end('it was told to', 'remove'),
  });
  parts.server = server;
  await server.listen(apiSocket(paths));
  log.info({ socket: apiSocket(paths) }, 'this coordinator serves');
  setInterval(() => {
    if (idle.isLongIdle()) void end('nobody needs it', 'remove');
  }, limits.idleCheckMs).unref();
}

function ownVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return z.object({ version: z.string() }).parse(JSON.parse(text)).version;
}

/** How long nobody has asked for anything, and no gang has needed anybody. */
class IdleClock {
  readonly #coordinator: Coordinator;
  #underWay = 0;
  #sinceMs = performance.now();

  constructor(coordinator: Coordinator) {
    this.#coordinator = coordinator;
  }

  note(underWay: number): void {
    this.#underWay = underWay;
    this.#sinceMs = performance.now();
  }

  isLongIdle(): boolean {
    const { gangs } = this.#coordinator.context;
    const isNeeded = gangs.list().some((gang) => gang.needsNodes);
    if (isNeeded || this.#underWay > 0) this.#sinceMs = performance.now();
    return performance.now() - this.#sinceMs > limits.idleExitMs;
  }
}
