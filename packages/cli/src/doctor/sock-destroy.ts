// A program for doctor, run in a network namespace of its own: makes a connection over the loopback and lets `ss -K`
// end it (SOCK_DESTROY), as Stillpoint does with connections whose other end a hold has swallowed.
import { execFileSync } from 'node:child_process';
import { connect, createServer } from 'node:net';

const deadlineMs = 5_000;
setTimeout(() => end('the connection outlived `ss -K`: the kernel lacks SOCK_DESTROY'), deadlineMs).unref();

function end(problem?: string): never {
  if (problem !== undefined) process.stderr.write(`${problem}\n`);
  process.exit(problem === undefined ? 0 : 1);
}

const server = createServer((socket) => socket.on('error', () => undefined));
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  if (address === null || typeof address === 'string') end('no port could be bound');
  const socket = connect(address.port, '127.0.0.1', () => {
    execFileSync('ss', ['-K', '-tH', 'dst', '127.0.0.1', 'dport', '=', String(address.port)]);
  });
  // an end of the connection from outside is an error to its owner
  socket.on('error', () => end());
  socket.resume();
});
