// Free ports on loopback. They lie below the range from which the kernel gives outgoing connections theirs: otherwise
// a client that tries to reach a server that is down could be given that very port, and the server not have it back.
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { serverLimits } from './limits.ts';

export const loopback = '127.0.0.1';

/** No port of anything well-known is above it. */
const lowestPort = 15_000;

/** As many ports, all different, which nobody listens at now. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const ephemeral = Number(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split('\t', 1)[0]);
  if (!(ephemeral > lowestPort + 1000)) {
    throw new Error(
      `outgoing ports begin at ${ephemeral} (net.ipv4.ip_local_port_range): no room below them`,
    );
  }
  const found = new Set<number>();
  for (let attempt = 0; attempt < serverLimits.portAttemptsMax && found.size < count; attempt += 1) {
    const port = lowestPort + Math.floor(Math.random() * (ephemeral - lowestPort));
    if (await isFree(port)) found.add(port);
  }
  if (found.size < count) throw new Error(`no ${count} free ports on ${loopback}`);
  return [...found];
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, loopback, () => probe.close(() => resolve(true)));
  });
}
