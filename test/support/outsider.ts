// Somebody who is no member of any gang: a server in a node's network that gives back what it is sent.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Stillpoint } from './stillpoint.ts';

const port = 7000;
const program = `
  const server = require('node:net').createServer((socket) => {
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  server.listen(${port}, '0.0.0.0', () => {
    const [address] = require('node:os').networkInterfaces().switch;
    console.log(address.address);
  });
`;

export interface Outsider extends AsyncDisposable {
  readonly address: string;
  readonly port: number;
}

/** Starts the server on a node. It ends when it is disposed of, which is to be before the node ends. */
export async function startOutsider(stillpoint: Stillpoint, node: string): Promise<Outsider> {
  const network = `--net=/run/netns/sp-${stillpoint.paths.tag}-n-${node}`;
  const child = spawn('nsenter', [network, process.execPath, '--eval', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(child, 'close');
  const [first] = (await Promise.race([once(child.stdout, 'data'), closed])) as [Buffer | number | null];
  if (!Buffer.isBuffer(first)) throw new Error(`the server on ${node} ended with ${first}`);
  return {
    address: first.toString().trim(),
    port,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL');
      await closed;
    },
  };
}
