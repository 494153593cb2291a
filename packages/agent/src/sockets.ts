// TCP sockets of a member's network namespace as the kernel's sock_diag shows them, read through `ss`.
import type { Endpoint, KernelSocket, TcpState } from '@stillpoint/protocol';
import { exec } from './exec.ts';
import { namespacePath } from './network.ts';

const stateNames: Readonly<Record<string, TcpState>> = {
  ESTAB: 'ESTABLISHED',
  'SYN-SENT': 'SYN_SENT',
  'SYN-RECV': 'SYN_RECV',
  'FIN-WAIT-1': 'FIN_WAIT1',
  'FIN-WAIT-2': 'FIN_WAIT2',
  'TIME-WAIT': 'TIME_WAIT',
  UNCONN: 'CLOSE',
  'CLOSE-WAIT': 'CLOSE_WAIT',
  'LAST-ACK': 'LAST_ACK',
  LISTEN: 'LISTEN',
  CLOSING: 'CLOSING',
};

/** Reads `ADDRESS:PORT` as ss prints it: `[::1]:80`, `10.0.0.1%eth0:80`, `[::ffff:10.0.0.1]:80`. */
export function parseEndpoint(text: string): Endpoint {
  const colon = text.lastIndexOf(':');
  const address = text
    .slice(0, colon)
    .replace(/%.*?(\]|$)/, '$1')
    .replace(/^\[|\]$/g, '')
    .replace(/^::ffff:(?=\d+\.\d+\.\d+\.\d+$)/, '');
  return { address, port: Number(text.slice(colon + 1)) };
}

/** Reads one line of `ss -tanOeH`. @throws Error when the line is not one */
export function parseSocketLine(line: string): KernelSocket {
  const [stateText, receiveQueue, sendQueue, local, remote] = line.trim().split(/\s+/);
  const state = stateNames[stateText ?? ''];
  if (state === undefined || local === undefined || remote === undefined)
    throw new Error(`ss printed: ${line}`);
  return {
    state,
    local: parseEndpoint(local),
    remote: parseEndpoint(remote),
    inode: Number(/\bino:(\d+)/.exec(line)?.[1] ?? 0),
    cookie: /\bsk:([0-9a-f]+)/.exec(line)?.[1] ?? '',
    receiveQueueBytes: Number(receiveQueue),
    sendQueueBytes: Number(sendQueue),
  };
}

/** All TCP sockets of the namespace but listeners and TIME_WAIT. */
export async function listSockets(namespace: string): Promise<KernelSocket[]> {
  const { stdout } = await exec('nsenter', [`--net=${namespacePath(namespace)}`, 'ss', '-tanOeH']);
  return stdout
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map(parseSocketLine)
    .filter((socket) => socket.state !== 'LISTEN' && socket.state !== 'TIME_WAIT');
}

/** Ends one connection with SOCK_DESTROY: its program sees ECONNABORTED. */
export async function destroySocket(namespace: string, socket: KernelSocket): Promise<void> {
  const filter = ['src', socket.local.address, 'sport', '=', String(socket.local.port)];
  const peer = ['dst', socket.remote.address, 'dport', '=', String(socket.remote.port)];
  await exec('nsenter', [`--net=${namespacePath(namespace)}`, 'ss', '-K', '-tH', ...filter, ...peer]);
}

const endText = ({ address, port }: Endpoint): string => `${address} port ${port}`;

/** Connections that are being made: begun, answered, or waiting in the queue of a server that has not accepted them. */
export function nameHalfOpen(sockets: readonly KernelSocket[]): string[] {
  return sockets
    .filter(({ state, inode }) => state.startsWith('SYN_') || (state === 'ESTABLISHED' && inode === 0))
    .map(({ local, remote, state }) => `${endText(local)} with ${endText(remote)} (${state})`);
}
