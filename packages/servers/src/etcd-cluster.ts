// A cluster of real etcd members whose traffic among each other can be cut.
import { type EtcdOptions, type EtcdServer, planEtcd } from './etcd.ts';
import { PeerProxy } from './peer-proxy.ts';
import { freePorts, loopback } from './ports.ts';
import { onFreePorts, type ServerProcess } from './server.ts';

export type EtcdClusterOptions = EtcdOptions;

export interface EtcdCluster {
  readonly members: readonly EtcdServer[];
  /** Where clients find any of them. */
  readonly urls: readonly string[];
  /** The member that leads by its own word; throws when none says so. */
  leader(): Promise<EtcdServer>;
  /** From now on nothing passes between this member and the others; clients reach it as before. */
  isolate(member: EtcdServer): void;
  /** Lets everything pass again; what was under way is delivered, as TCP would. */
  heal(): void;
  dispose(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts so many members, and waits until all of them serve. */
export async function startEtcdCluster(size: number, options: EtcdClusterOptions = {}): Promise<EtcdCluster> {
  return await onFreePorts(() => startOnce(size, options));
}

async function startOnce(size: number, options: EtcdClusterOptions): Promise<EtcdCluster> {
  const members: (EtcdServer & ServerProcess)[] = [];
  const isolated = new Set<EtcdServer>();
  const proxies: PeerProxy[] = [];
  const dispose = async (): Promise<void> => {
    await Promise.all(members.map((member) => member.dispose()));
    await Promise.all(proxies.map((proxy) => proxy.close()));
  };
  try {
    const ports = await freePorts(2 * size);
    const named = Array.from({ length: size }, (_, index) => ({
      name: `etcd-${index + 1}`,
      listenPort: ports[2 * index] ?? 0,
      proxyPort: ports[2 * index + 1] ?? 0,
    }));
    const cluster = named.map(({ name, proxyPort }) => `${name}=${at(proxyPort)}`).join(',');
    for (const { name, listenPort, proxyPort } of named) {
      const peering = { name, listensAt: at(listenPort), reachedAt: at(proxyPort), cluster };
      const member = await planEtcd(options, peering);
      members.push(member);
      const isCut = (from: EtcdServer | undefined): boolean =>
        isolated.has(member) || (from !== undefined && isolated.has(from));
      proxies.push(await PeerProxy.listen({ port: proxyPort, to: listenPort, members, isCut }));
    }
    for (const member of members) member.launch();
    await Promise.all(members.map((member) => member.untilHealthy()));
  } catch (error) {
    await dispose();
    throw error;
  }
  const apply = (change: () => void): void => {
    change();
    for (const proxy of proxies) proxy.update();
  };
  return {
    members,
    urls: members.map(({ url }) => url),
    leader: async () => {
      const says = await Promise.all(members.map((member) => saysItLeads(member).catch(() => false)));
      const leader = members[says.indexOf(true)];
      if (leader === undefined) throw new Error('no member of the cluster says that it leads');
      return leader;
    },
    isolate: (member) => apply(() => isolated.add(member)),
    heal: () => apply(() => isolated.clear()),
    dispose,
    [Symbol.asyncDispose]: dispose,
  };
}

const at = (port: number): string => `http://${loopback}:${port}`;

async function saysItLeads({ metricsUrl }: EtcdServer): Promise<boolean> {
  const response = await fetch(`${metricsUrl}/metrics`, { signal: AbortSignal.timeout(2000) });
  return /^etcd_server_is_leader 1$/m.test(await response.text());
}
