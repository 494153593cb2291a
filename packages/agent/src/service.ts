// Public face `./service`: the agent of one machine as a service, on NATS and etcd, and what the coordinator's service has in
// common with it. Apart from the agent's own: the clients of NATS and etcd take a while to load.
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, realpath, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { holdExclusively } from '@stillpoint/bus';
import { listenOnNats, type NatsOptions } from '@stillpoint/bus/nats';
import { type EtcdOptions, openEtcdLedger } from '@stillpoint/ledger/etcd';
import type { Logger } from 'pino';
import { plugUplink } from './network.ts';
import { type HomePaths, homePaths, serviceMark } from './paths.ts';
import { type ServedNode, serveNode } from './serve.ts';
import { ConfigInvalid, HomeIsLocal, ServiceRunning } from './service-errors.ts';
import type { ServiceConfig, ServiceTls } from './service-config.ts';
import { listenForProbes } from './service-listener.ts';
import { sweepForgotten } from './staging.ts';
import { createVirtualNode } from './virtual-node.ts';

export {
  readServiceConfig,
  type ServiceConfig,
  serviceConfigSchema,
  type ServiceOverrides,
} from './service-config.ts';
export { ServiceRunning } from './service-errors.ts';
export { listenForProbes, type ServiceListener } from './service-listener.ts';
export { openLog } from './agent-log.ts';

export interface RunningService {
  /** Where health and metrics are. */
  readonly url: string;
  /** Lets go of everything; members run on. */
  close(): Promise<void>;
}

/**
 * Serves this machine as one node, until it is closed. What an earlier agent left of it is found again.
 *
 * @throws `SP_CONFIG_INVALID`, `SP_SERVICE_RUNNING`, `SP_BUS_ADDRESS_IN_USE` when the node's name is taken,
 * `SP_BUS_UNAVAILABLE`, `SP_LEDGER_UNAVAILABLE`, `SP_LISTEN_FAILED`
 */
export async function runAgentService(config: ServiceConfig, parent: Logger): Promise<RunningService> {
  const { uplink, listen } = config.agent;
  const node = nodeOf(config);
  const log = parent.child({ node: node.name });
  const paths = await openServiceHome(config);
  const release = await holdExclusively(`stillpoint-agent-${paths.tag}-${node.name}`);
  if (release === undefined) throw new ServiceRunning(`node ${node.name}`);
  const state: { served?: ServedNode } = {};
  const probes = await listenForProbes(listen, {
    readiness: () => ({ isReady: state.served !== undefined, detail: { node: node.name } }),
    metrics: async () => ({
      contentType: state.served?.metrics.contentType ?? 'text/plain',
      text: (await state.served?.metrics.text()) ?? '',
    }),
  });
  try {
    await createVirtualNode(paths, node);
    if (uplink !== undefined) await plugUplink(paths, uplink);
    const swept = await sweepForgotten(paths);
    if (swept.length > 0) log.info({ swept }, 'staging that nothing needs was removed');
    const service = await serveNode({
      paths,
      node,
      log,
      connections: {
        listen: (name, handlers) =>
          listenOnNats(name, handlers, { ...natsOptions(config, log), place: node.index }),
        openLedger: () => openEtcdLedger(etcdOptions(config)),
      },
    });
    state.served = service;
    log.info({ probes: probes.url }, 'the agent serves its node');
    return {
      url: probes.url,
      close: async () => {
        delete state.served;
        await service.close();
        await probes.close();
        await release();
      },
    };
  } catch (error) {
    await probes.close();
    await release();
    throw error;
  }
}

/**
 * Makes the folders of a service, and marks its state folder: a coordinator that a command starts on demand would know of
 * none of its nodes, and end them.
 *
 * @throws `SP_HOME_IS_LOCAL`
 */
export async function openServiceHome(config: ServiceConfig): Promise<HomePaths> {
  const { home, shared = home } = config;
  for (const folder of [home, shared]) await mkdir(folder, { recursive: true, mode: 0o700 });
  const paths = homePaths(await realpath(home), await realpath(shared));
  if (existsSync(paths.ledger)) throw new HomeIsLocal(home);
  await writeFile(
    serviceMark(paths),
    'This state folder belongs to `stillpoint serve` or `stillpoint agent`.\n',
  );
  return paths;
}

/** How a service reaches NATS. */
export function natsOptions({ nats }: ServiceConfig, log: Pick<Logger, 'warn'>): NatsOptions {
  const onProblem = (error: Error): void => log.warn({ err: error }, 'NATS');
  if (nats.tls === undefined) return { servers: nats.servers, onProblem };
  const { authority, certificate, key } = nats.tls;
  return {
    servers: nats.servers,
    tls: { caFile: authority, certFile: certificate, keyFile: key },
    onProblem,
  };
}

/** How a service reaches etcd. @throws `SP_CONFIG_INVALID` when a file of its TLS can't be read */
export function etcdOptions({ etcd }: ServiceConfig): EtcdOptions {
  const { tls, endpoints, keyPrefix, quotaBytes } = etcd;
  return {
    endpoints,
    ...(keyPrefix === undefined ? {} : { keyPrefix }),
    ...(quotaBytes === undefined ? {} : { quotaBytes }),
    ...(tls === undefined ? {} : { tls: pemOf(tls) }),
  };
}

function pemOf(tls: ServiceTls): { authority: string; certificate: string; key: string } {
  const read = (field: keyof ServiceTls): string => {
    try {
      return readFileSync(tls[field], 'utf8');
    } catch (error) {
      throw new ConfigInvalid('the section etcd.tls', [`${field}: ${(error as Error).message}`]);
    }
  };
  return { authority: read('authority'), certificate: read('certificate'), key: read('key') };
}

function nodeOf({ agent }: ServiceConfig): { readonly name: string; readonly index: number } {
  const { node = hostname().split('.')[0]?.toLowerCase() ?? '', index } = agent;
  const problems = [
    ...(index === undefined ? ['agent.index: say which number this node has, 1 to 250, as no other'] : []),
    ...(/^[a-z0-9]([a-z0-9-]{0,22}[a-z0-9])?$/.test(node)
      ? []
      : [`agent.node: the host name gives '${node}', which can't be a node's name: write one`]),
  ];
  if (index === undefined || problems.length > 0) throw new ConfigInvalid('its file and flags', problems);
  return { name: node, index };
}
