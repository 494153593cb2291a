// A real etcd. It does not wait for its disk (`--unsafe-no-fsync`): what it wrote survives its own death, which is what
// tests need, though not the machine's.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Authority, Identity } from './certificates.ts';
import { freePorts, loopback } from './ports.ts';
import { serverProgram } from './programs.ts';
import { answersOk, onFreePorts, type Server, ServerProcess } from './server.ts';

export interface EtcdTls {
  readonly authority: Authority;
  readonly server: Identity;
  /** Whether clients must show a certificate of this authority. Its common name is their user, once auth is on. */
  readonly clientsShowCertificate?: boolean;
}

export interface EtcdOptions {
  readonly tls?: EtcdTls;
  /** More flags: `['--quota-backend-bytes', '16777216']`. */
  readonly args?: readonly string[];
}

export interface EtcdServer extends Server {
  /** Where clients connect: `http://` or `https://`. */
  readonly url: string;
  /** Its metrics and health, in plain HTTP. */
  readonly metricsUrl: string;
}

/** Starts one etcd with its data in a temporary folder, and waits until it serves. */
export async function startEtcd(options: EtcdOptions = {}): Promise<EtcdServer> {
  return await onFreePorts(async () => {
    const [peerPort = 0] = await freePorts(1);
    const peerUrl = `http://${loopback}:${peerPort}`;
    const server = await planEtcd(options, {
      name: 'etcd',
      listensAt: peerUrl,
      reachedAt: peerUrl,
      cluster: `etcd=${peerUrl}`,
    });
    try {
      await server.restart();
      return server;
    } catch (error) {
      await server.dispose();
      throw error;
    }
  });
}

/** What a member of a cluster knows of its peers. */
export interface EtcdPeering {
  readonly name: string;
  readonly listensAt: string;
  /** Where the others find it. */
  readonly reachedAt: string;
  /** All members: `name=url,...`. */
  readonly cluster: string;
}

/** One member, not yet started. */
export async function planEtcd(
  { tls, args = [] }: EtcdOptions,
  { name, listensAt, reachedAt, cluster }: EtcdPeering,
): Promise<EtcdServer & ServerProcess> {
  const [clientPort, metricsPort] = await freePorts(2);
  const folder = await mkdtemp(path.join(tmpdir(), `stillpoint-${name}-`));
  const url = `${tls === undefined ? 'http' : 'https'}://${loopback}:${clientPort}`;
  const metricsUrl = `http://${loopback}:${metricsPort}`;
  const server = new ServerProcess({
    name,
    program: serverProgram('etcd'),
    args: [
      ...['--name', name, '--data-dir', path.join(folder, 'data'), '--unsafe-no-fsync'],
      ...['--log-level', 'warn', '--log-outputs', 'stderr'],
      ...['--listen-client-urls', url, '--advertise-client-urls', url, '--listen-metrics-urls', metricsUrl],
      ...['--listen-peer-urls', listensAt, '--initial-advertise-peer-urls', reachedAt],
      ...['--initial-cluster', cluster, '--initial-cluster-token', cluster],
      // elections in well under a second, with room for a busy machine
      ...['--heartbeat-interval', '50', '--election-timeout', '500'],
      ...(tls === undefined ? [] : tlsFlags(tls)),
      ...args,
    ],
    isHealthy: () => answersOk(`${metricsUrl}/readyz`),
    removeData: () => rm(folder, { recursive: true, force: true }),
  });
  return Object.assign(server, { url, metricsUrl });
}

function tlsFlags({ authority, server, clientsShowCertificate = false }: EtcdTls): string[] {
  return [
    ...['--cert-file', server.certificateFile, '--key-file', server.keyFile],
    ...['--trusted-ca-file', authority.certificateFile],
    ...(clientsShowCertificate ? ['--client-cert-auth'] : []),
  ];
}
