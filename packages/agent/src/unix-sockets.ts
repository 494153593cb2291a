// Unix sockets of a network namespace as the kernel's sock_diag shows them, read through `ss`.
import { exec } from './exec.ts';
import { namespacePath } from './network.ts';

export interface UnixSocket {
  readonly inode: number;
  /** The socket at its other end; 0 where there is none, or none that was accepted. */
  readonly peerInode: number;
  /** The name of either end, if one has any. */
  readonly path: string | undefined;
}

/** Reads one line of `ss -xaH`. @throws Error when the line is not one */
export function parseUnixSocket(line: string): UnixSocket {
  const match = /^\S+\s+\S+\s+\d+\s+\d+\s+(\S.*?)\s+(\d+)\s+(\S.*?)\s+(\d+)\s*$/.exec(line);
  const [, local = '*', inode, remote = '*', peerInode] = match ?? [];
  if (match === null) throw new Error(`ss printed: ${line}`);
  const path = [local, remote].find((name) => name !== '*');
  return { inode: Number(inode), peerInode: Number(peerInode), path };
}

export async function listUnixSockets(namespace: string): Promise<UnixSocket[]> {
  const { stdout } = await exec('nsenter', [`--net=${namespacePath(namespace)}`, 'ss', '-xaH']);
  return stdout
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map(parseUnixSocket);
}
