// Where an agent keeps what. Run-time things that die with the machine are under /run/stillpoint/<tag>.
import { createHash } from 'node:crypto';
import { join } from 'node:path';

/** Where a coordinator or an agent keeps what: its state folder, and what all machines have in common. */
export interface HomePaths {
  /** `$STILLPOINT_HOME`, as a real path. */
  readonly home: string;
  /** What every machine mounts at the same path: the vault, and the logs of gangs. The state folder itself on one machine. */
  readonly shared: string;
  /** 8 hex digits that tell this state folder's namespaces, cgroups and run-time files from another's. */
  readonly tag: string;
  /** `/run/stillpoint/<tag>`: sockets, sandboxes, staging. Gone after a reboot. */
  readonly runtime: string;
  /** CRIU, sp-init and CRIU's warm cache, copied here so that every sandbox sees them. */
  readonly tools: string;
  /** A tmpfs for images that are not in the vault yet. */
  readonly staging: string;
  readonly vault: string;
  readonly ledger: string;
}

/** @param home real path of the state folder, as `shared` is of what all machines have in common */
export function homePaths(home: string, shared = home): HomePaths {
  const tag = createHash('sha256').update(home).digest('hex').slice(0, 8);
  const runtime = `/run/stillpoint/${tag}`;
  return {
    home,
    shared,
    tag,
    runtime,
    tools: join(runtime, 'tools'),
    staging: join(runtime, 'staging'),
    vault: join(shared, 'vault'),
    ledger: join(home, 'ledger'),
  };
}

/** What one agent keeps about its own node until a reboot. */
export function nodeRuntime(paths: HomePaths, node: string): string {
  return join(paths.runtime, 'nodes', node);
}

/** Socket on which the node's agent listens. */
export function nodeSocket(paths: HomePaths, node: string): string {
  return join(paths.runtime, 'nodes', `${node}.sock`);
}

/** Is there once a state folder was used by services: it stays theirs. */
export const serviceMark = (paths: HomePaths): string => join(paths.home, 'service');

/** Log files of one incarnation of a gang: kept over reboots. */
export function logFolder(paths: HomePaths, gang: string, incarnation: number): string {
  return join(paths.shared, 'gangs', gang, 'logs', String(incarnation));
}
