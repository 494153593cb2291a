// Who the services are to etcd and to NATS, each with the least that it needs.
import { etcdOptions, type ServiceConfig } from '@stillpoint/agent/service';
import { agentRights, coordinatorRights, type NatsRights } from '@stillpoint/bus/nats';
import { setUpEtcdUsers } from '@stillpoint/ledger/etcd';
import { ledgerRights } from '@stillpoint/protocol';

const coordinatorName = 'stillpoint-coordinator';
const agentName = (node: string): string => `stillpoint-agent-${node}`;

export interface Authorized {
  /** Users that etcd has now, by the common names of their certificates. */
  readonly etcd: readonly string[];
  /** For nats-server's configuration, with `tls { verify_and_map: true }` beside it. */
  readonly nats: string;
}

/** A node, and the index that its agent's configuration has. */
export interface AuthorizedNode {
  readonly name: string;
  readonly index: number;
}

/** @throws `SP_LEDGER_FORBIDDEN` unless the configuration has a certificate of etcd's `root`; `SP_LEDGER_UNAVAILABLE` */
export async function authorizeServices(
  config: ServiceConfig,
  nodes: readonly AuthorizedNode[],
): Promise<Authorized> {
  const users = [
    { name: coordinatorName, ...ledgerRights.coordinator },
    ...nodes.map(({ name }) => ({ name: agentName(name), ...ledgerRights.agent })),
  ];
  await setUpEtcdUsers(etcdOptions(config), users);
  return {
    etcd: users.map(({ name }) => name),
    nats: authorization([
      natsUser(coordinatorName, coordinatorRights),
      ...nodes.map(({ name, index }) => natsUser(agentName(name), agentRights(name, index))),
    ]),
  };
}

const authorization = (users: readonly string[]): string =>
  ['authorization {', '  users: [', ...users.map((user) => `    ${user}`), '  ]', '}'].join('\n');

const natsUser = (name: string, { publish, subscribe }: NatsRights): string =>
  `{ user: "CN=${name}", permissions: { publish: ${JSON.stringify(publish)}, subscribe: ${JSON.stringify(subscribe)} } }`;
