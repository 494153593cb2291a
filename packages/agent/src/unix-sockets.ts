// Unix sockets of a network namespace as the kernel's sock_diag shows them, read through `ss`.
import type { Descriptor } from './descriptors.ts';
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

async function listUnixSockets(namespace: string): Promise<UnixSocket[]> {
  const { stdout } = await exec('nsenter', [`--net=${namespacePath(namespace)}`, 'ss', '-xaH']);
  return stdout
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map(parseUnixSocket);
}

/** Connections of those who have the descriptors to whoever else there is, each with the name of its other end if it has one. */
export async function socketsLeadingOut(
  namespace: string,
  descriptors: readonly Descriptor[],
): Promise<Pick<UnixSocket, 'inode' | 'path'>[]> {
  const sockets = await listUnixSockets(namespace);
  const own = new Set(descriptors.map(({ target }) => target));
  const isOwn = (inode: number): boolean => own.has(`socket:[${inode}]`);
  return sockets
    .filter(({ inode, peerInode }) => isOwn(inode) && peerInode !== 0 && !isOwn(peerInode))
    .map(({ inode, peerInode, path }) => ({
      inode,
      path: sockets.find((other) => other.inode === peerInode)?.path ?? path,
    }));
}
