// Where an agent keeps what. Run-time things that die with the machine are under /run/stillpoint/<tag>.
import { createHash } from 'node:crypto';
import { join } from 'node:path';

/** Paths of one state folder, shared by its coordinator and agents. */
export interface HomePaths {
  /** `$STILLPOINT_HOME`, as a real path. */
  readonly home: string;
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

/** @param home real path of the state folder */
export function homePaths(home: string): HomePaths {
  const tag = createHash('sha256').update(home).digest('hex').slice(0, 8);
  const runtime = `/run/stillpoint/${tag}`;
  return {
    home,
    tag,
    runtime,
    tools: join(runtime, 'tools'),
    staging: join(runtime, 'staging'),
    vault: join(home, 'vault'),
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

/** Log files of one incarnation of a gang: kept over reboots. */
export function logFolder(paths: HomePaths, gang: string, incarnation: number): string {
  return join(paths.home, 'gangs', gang, 'logs', String(incarnation));
}
