// A real nats-server.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { Authority, Identity } from './certificates.ts';
import { freePorts, loopback } from './ports.ts';
import { serverProgram } from './programs.ts';
import { answersOk, onFreePorts, type Server, ServerProcess } from './server.ts';

export interface NatsTls {
  readonly authority: Authority;
  readonly server: Identity;
  /** Whether clients must show a certificate of this authority (`verify`), and are who it says (`verify_and_map`). */
  readonly clients?: 'verify' | 'verify_and_map';
}

export interface NatsServerOptions {
  /** More of its configuration file, in its own language: accounts, authorization, limits. */
  readonly config?: string;
  readonly tls?: NatsTls;
  /** A free one unless given. */
  readonly port?: number;
}

export interface NatsServer extends Server {
  readonly port: number;
  /** Where clients connect: `nats://` or `tls://`. */
  readonly url: string;
  /** Its monitoring endpoint, in plain HTTP: `/varz`, `/connz`, ... */
  readonly monitorUrl: string;
}

/** Starts nats-server with a temporary folder for its files, and waits until it serves. */
export async function startNatsServer(options: NatsServerOptions = {}): Promise<NatsServer> {
  const program = serverProgram('nats-server');
  return await onFreePorts(async () => {
    const [freePort, monitorPort] = await freePorts(2);
    const port = options.port ?? freePort;
    const folder = await mkdtemp(path.join(tmpdir(), 'stillpoint-nats-'));
    const file = path.join(folder, 'nats.conf');
    await writeFile(file, configuration(options, { port, monitorPort }), { mode: 0o600 });
    const monitorUrl = `http://${loopback}:${monitorPort}`;
    const server = new ServerProcess({
      name: 'nats-server',
      program,
      args: ['-c', file],
      isHealthy: () => answersOk(`${monitorUrl}/healthz`),
      removeData: () => rm(folder, { recursive: true, force: true }),
    });
    try {
      await server.restart();
    } catch (error) {
      await server.dispose();
      throw error;
    }
    const url = `${options.tls === undefined ? 'nats' : 'tls'}://${loopback}:${port}`;
    return Object.assign(server, { port: Number(port), url, monitorUrl });
  });
}

function configuration(
  { config = '', tls }: NatsServerOptions,
  { port, monitorPort }: { port: number | undefined; monitorPort: number | undefined },
): string {
  const quote = (text: string): string => JSON.stringify(text);
  const secured =
    tls === undefined
      ? ''
      : `tls {
  ca_file: ${quote(tls.authority.certificateFile)}
  cert_file: ${quote(tls.server.certificateFile)}
  key_file: ${quote(tls.server.keyFile)}
  ${tls.clients === undefined ? '' : `${tls.clients}: true`}
}
`;
  return `listen: ${quote(`${loopback}:${port}`)}
http: ${quote(`${loopback}:${monitorPort}`)}
${secured}${config}
`;
}
