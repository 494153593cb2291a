// `stillpoint serve`, `stillpoint agent` and `stillpoint authorize`: what runs on machines of a cluster, on NATS and etcd.
import type { Command } from 'commander';
import { nodeName, wholeNumber } from '../arguments.ts';
import { NotRoot } from '../errors.ts';
import type { Session } from '../session.ts';
import type { Verb } from '../verb.ts';
import { version } from '../version.ts';

interface ConnectionOptions {
  readonly config?: string;
  readonly home?: string;
  readonly shared?: string;
  readonly nats?: string;
  readonly etcd?: string;
}

interface ServiceOptions extends ConnectionOptions {
  readonly listen?: string;
  readonly name?: string;
  readonly node?: string;
  readonly index?: string;
  readonly uplink?: string;
}

const withConnections = (command: Command): Command =>
  command
    .option('--config <FILE>', 'configuration in YAML or JSON; flags go before it')
    .option('--home <FOLDER>', 'state folder of this machine; /var/lib/stillpoint unless given')
    .option('--shared <FOLDER>', 'what every machine mounts at the same path: vault and logs')
    .option('--nats <URLS>', 'servers of one NATS cluster, with commas between')
    .option('--etcd <URLS>', 'members of one etcd, with commas between');

const further = [
  'TLS is configured in the file. It runs until SIGTERM or SIGINT; gangs are not touched by that. It logs JSON lines to',
  'standard output, and serves /healthz, /readyz and /metrics. docs/operations.md tells how to run it on several machines.',
];

export const serve: Verb = {
  name: 'serve',
  usage: '[--config FILE]',
  summary: 'be a coordinator on NATS and etcd: one leads, others stand by',
  examples: [
    { line: 'stillpoint serve --config /etc/stillpoint/config.yaml', says: 'as deploy/systemd does it' },
    {
      line: 'stillpoint serve --nats nats://a:4222 --etcd http://a:2379 --shared /mnt/sp',
      says: 'without a file',
    },
  ],
  notes: further,
  declare: (command, act) =>
    withConnections(command)
      .option('--name <NAME>', 'what others call it; the host name unless given')
      .option('--listen <HOST:PORT>', 'where health and metrics are served; 127.0.0.1:9460 unless given')
      .action(
        act(async (session, options: ServiceOptions) => {
          const { config, log } = await prepare(session, 'serve', options, { role: 'coordinator' });
          const { runCoordinatorService } = await import('@stillpoint/coordinator/service');
          const service = await runCoordinatorService(config, log, version);
          await untilTold(session, service.ended);
          log.info('this coordinator ends; gangs run on');
          await service.close();
          return undefined;
        }),
      ),
};

export const agent: Verb = {
  name: 'agent',
  usage: '--index N [--config FILE]',
  summary: 'be the agent of this machine, a node of a cluster',
  examples: [
    { line: 'stillpoint agent --config /etc/stillpoint/config.yaml', says: 'as deploy/systemd does it' },
    { line: 'stillpoint agent --config cluster.yaml --node n3 --index 3', says: 'one file for all machines' },
  ],
  notes: ['`stillpoint node add NAME`, where a coordinator runs, takes it into use.', ...further],
  declare: (command, act) =>
    withConnections(command)
      .option('--node <NAME>', 'name of this node; the host name unless given')
      .option('--index <N>', 'number of this node, 1 to 250, as no other: its members get 10.233.N.x')
      .option(
        '--uplink <INTERFACE>',
        'joins the members here with those of other machines; it is given to Stillpoint',
      )
      .option('--listen <HOST:PORT>', 'where health and metrics are served; 127.0.0.1:9461 unless given')
      .action(
        act(async (session, options: ServiceOptions) => {
          const { config, log } = await prepare(session, 'agent', options, { role: 'agent' });
          const { runAgentService } = await import('@stillpoint/agent/service');
          const service = await runAgentService(config, log);
          await untilTold(session);
          log.info('the agent ends; its members run on');
          await service.close();
          return undefined;
        }),
      ),
};

export const authorize: Verb = {
  name: 'authorize',
  usage: '--nodes NODE=INDEX,... [--config FILE]',
  summary: "make the services' users in etcd, and print what NATS is to allow them",
  examples: [
    {
      line: 'stillpoint authorize --config root.yaml --nodes n1=1,n2=2 > authorization.conf',
      says: 'for nats-server to include',
    },
  ],
  notes: [
    'Users are common names of certificates: stillpoint-coordinator, and stillpoint-agent-NODE. The configuration names a',
    'certificate of etcd\'s user root. It can be repeated, with more nodes. JSON: {etcd: [USER, ...], nats: "..."}',
  ],
  declare: (command, act) =>
    withConnections(command)
      .requiredOption('--nodes <NODES>', 'name and index of every node, with commas between')
      .action(
        act(async (session, options: ConnectionOptions & { readonly nodes: string }) => {
          const nodes = await indexedNodes(options.nodes);
          const config = await configOf('authorize', options);
          const { authorizeServices } = await import('@stillpoint/coordinator/service');
          const done = await authorizeServices(config, nodes);
          session.succeed(`etcd knows ${done.etcd.join(', ')}, and refuses everybody else`);
          session.print(done, done.nats);
          return undefined;
        }),
      ),
};

/** Reads NODE=INDEX,... */
async function indexedNodes(text: string): Promise<{ readonly name: string; readonly index: number }[]> {
  const bounds = { min: 1, max: 250 };
  const nodes = [];
  for (const each of text.split(',')) {
    const [name = '', index = ''] = each.split('=');
    nodes.push({
      name: await nodeName(name.trim(), 'authorize'),
      index: wholeNumber(index, `--nodes ${name}=INDEX`, bounds, 'authorize'),
    });
  }
  return nodes;
}

/** Reads the configuration, and opens the log that the service writes to. */
async function prepare(
  session: Session,
  verb: string,
  options: ServiceOptions,
  role: Record<string, string>,
) {
  if (!session.io.isRoot) throw new NotRoot(verb);
  const config = await configOf(verb, options);
  const { openLog } = await import('@stillpoint/agent/service');
  return { config, log: openLog({ ...role, pid: process.pid }, process.stdout.fd) };
}

async function configOf(verb: string, options: ServiceOptions) {
  const { readServiceConfig } = await import('@stillpoint/agent/service');
  const { config, nats, etcd, node, index, ...rest } = options;
  return readServiceConfig(config, {
    ...rest,
    ...(nats === undefined ? {} : { nats: nats.split(',') }),
    ...(etcd === undefined ? {} : { etcd: etcd.split(',') }),
    ...(node === undefined ? {} : { node: await nodeName(node, verb) }),
    ...(index === undefined ? {} : { index: wholeNumber(index, '--index', { min: 1, max: 250 }, verb) }),
  });
}

/** Until a signal comes. @throws what ends the service before */
async function untilTold(
  { signal }: Session,
  ended: Promise<void> = new Promise(() => undefined),
): Promise<void> {
  const told = new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await Promise.race([told, ended]);
}
