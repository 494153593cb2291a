// Public face `./service`: the coordinator as a service on NATS and etcd. Several may run: one leads, the others stand by.
// Apart from the coordinator's own: the clients of NATS and etcd take a while to load.
import { hostname } from 'node:os';
import type { HomePaths } from '@stillpoint/agent';
import {
  etcdOptions,
  listenForProbes,
  natsOptions,
  openServiceHome,
  type ServiceConfig,
  ServiceRunning,
} from '@stillpoint/agent/service';
import { holdExclusively } from '@stillpoint/bus';
import { openNatsBus } from '@stillpoint/bus/nats';
import { systemClock } from '@stillpoint/clock';
import { type Leadership, type Ledger, LeadershipLostError } from '@stillpoint/ledger';
import { openEtcdElection, openEtcdLedger } from '@stillpoint/ledger/etcd';
import { ledgerKeys } from '@stillpoint/protocol';
import { openDirectoryVault } from '@stillpoint/vault';
import type { Logger } from 'pino';
import { type Coordinator, startCoordinator } from './coordinator.ts';
import { NotLeader } from './errors.ts';
import { filesOnDisk } from './gang-files.ts';
import { apiSocket, requireNothingKnown } from './home.ts';
import { callOverNats } from './nats-hooks.ts';
import { callOverHttp } from './hooks.ts';
import { CoordinatorMetrics } from './metrics.ts';
import { remotePlatform } from './remote-platform.ts';
import { makeServer, makeStandbyServer, type Server } from './server.ts';

export { type Authorized, authorizeServices } from './authorize.ts';

/** The name of the coordinator that leads, for people. */
const leaderNameKey = 'leader/name';

export interface CoordinatorService {
  /** Where health and metrics are. */
  readonly url: string;
  /** Resolves when it was closed; rejects when it can't go on: the process is to end, and to be started again. */
  readonly ended: Promise<void>;
  /** Gives the lead to another one at once. Gangs and nodes are left as they are. */
  close(): Promise<void>;
}

/**
 * Stands for election until it leads, and serves its API then.
 *
 * @throws `SP_SERVICE_RUNNING`, `SP_HOME_IS_LOCAL`, `SP_BUS_UNAVAILABLE`, `SP_LISTEN_FAILED`
 */
export async function runCoordinatorService(
  config: ServiceConfig,
  log: Logger,
  version: string,
): Promise<CoordinatorService> {
  const name = config.coordinator.name ?? hostname();
  const closers: (() => Promise<void>)[] = [];
  const closeAll = async (): Promise<void> => {
    for (const close of closers.splice(0).toReversed())
      await close().catch((error: unknown) => log.warn({ err: error }, 'the service did not end in order'));
  };
  const closing = new AbortController();
  const metrics = new CoordinatorMetrics();
  metrics.addProcess();
  const state: { role: 'standby' | 'leader'; coordinator?: Coordinator } = { role: 'standby' };
  try {
    const paths = await openServiceHome(config);
    const release = await holdExclusively(`stillpoint-coordinator-${paths.tag}`);
    if (release === undefined) throw new ServiceRunning(`the coordinator of ${paths.home}`);
    closers.push(release);
    const probes = await listenForProbes(config.coordinator.listen, {
      // one that stands by does what it is there for
      readiness: () => ({
        isReady: true,
        detail: { role: state.role, fence: state.coordinator?.context.store.fence },
      }),
      metrics: async () => ({ contentType: metrics.contentType, text: await metrics.text() }),
    });
    closers.push(() => probes.close());
    const bus = await openNatsBus(natsOptions(config, log));
    closers.push(() => bus.close());
    const ledger = await openEtcdLedger(etcdOptions(config));
    closers.push(() => ledger.close());
    const standby = makeStandbyServer(async () => new NotLeader(name, await leaderName(ledger)));
    await standby.listen(apiSocket(paths));
    closers.push(() => standby.close());
    const election = openEtcdElection(etcdOptions(config));
    closers.push(() => election.close());
    log.info({ name, probes: probes.url }, 'this coordinator stands by');

    const failed = Promise.withResolvers<never>();
    const lead = async (): Promise<void> => {
      const leadership = await election.campaign(closing.signal);
      closers.push(() => leadership.resign());
      requireHeld(leadership);
      leadership.lost.addEventListener('abort', () => failed.reject(leadership.lost.reason as Error));
      await requireLedgerOf(ledger, paths);
      const vault = await openDirectoryVault(paths.vault);
      const coordinator = await startCoordinator({
        clock: systemClock,
        ledger,
        vault,
        platform: remotePlatform(bus, paths),
        makeFiles: (context) => filesOnDisk(context, paths),
        hooks: { http: callOverHttp, nats: (...call) => callOverNats(bus, ...call) },
        log,
        metrics,
        onFatal: failed.reject,
      });
      closers.push(() => coordinator.close());
      state.coordinator = coordinator;
      await sayWhoLeads(ledger, coordinator, name);
      await standby.close();
      const server: Server = makeServer({
        coordinator,
        home: paths.home,
        version,
        onActivity: () => undefined,
      });
      closers.push(() => server.close());
      await server.listen(apiSocket(paths));
      state.role = 'leader';
      log.info({ name, socket: apiSocket(paths) }, 'this coordinator serves');
    };
    const closed = new Promise<void>((resolve) => closing.signal.addEventListener('abort', () => resolve()));
    const ended = Promise.race([lead().then(() => failed.promise), failed.promise, closed]);
    ended.catch((error: unknown) => log.fatal({ err: error }, 'this coordinator can not go on'));
    return {
      url: probes.url,
      ended,
      close: async () => {
        closing.abort(new Error('the service ends'));
        await closeAll();
      },
    };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

function requireHeld(leadership: Leadership): void {
  if (!leadership.isHeld()) throw leadership.lost.reason ?? new LeadershipLostError('its lease ran out');
}

/** An etcd that was emptied, or is another one, is not led beside what it should know of. @throws `SP_LEDGER_MISSING` */
async function requireLedgerOf(ledger: Ledger, paths: HomePaths): Promise<void> {
  if ((await ledger.get(ledgerKeys.fence)) === undefined) await requireNothingKnown(paths, 'in etcd');
}

async function sayWhoLeads(ledger: Ledger, { context }: Coordinator, name: string): Promise<void> {
  await ledger.transact({
    compare: [{ key: ledgerKeys.fence, is: { equals: context.store.fence } }],
    put: [{ key: leaderNameKey, value: name }],
  });
}

async function leaderName(ledger: Ledger): Promise<string | undefined> {
  const entry = await ledger.get(leaderNameKey, { deadlineMs: 2_000 }).catch(() => undefined);
  return typeof entry?.value === 'string' ? entry.value : undefined;
}
