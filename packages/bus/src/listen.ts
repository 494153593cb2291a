// An agent's end of the bus over a unix socket: it listens, so that an agent without a coordinator has nothing to do.
import { createHash } from 'node:crypto';
import { chmod, rm } from 'node:fs/promises';
import { createServer, type Socket } from 'node:net';
import type { NodeAnswer, NodeRequest } from '@stillpoint/protocol';
import { asErrorAnswer } from './answers.ts';
import type { AgentHandlers, AgentListener, NodeEvent } from './bus.ts';
import { AddressInUse } from './errors.ts';
import { holdExclusively } from './exclusive.ts';
import { busLimits } from './limits.ts';
import { LineReader } from './lines.ts';
import { parseToAgent, type ToAgent, type ToCoordinator } from './wire.ts';

/**
 * Serves a node on a socket. A socket file that a dead process left behind is replaced.
 *
 * @throws `SP_BUS_ADDRESS_IN_USE` when another process of this network namespace serves the path
 */
export async function listenAsAgent(path: string, handlers: AgentHandlers): Promise<AgentListener> {
  const release = await holdExclusively(lockName(path));
  if (release === undefined) throw new AddressInUse(path);
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    if (sockets.size >= busLimits.connectionsMax) {
      socket.destroy();
      return;
    }
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
    serve(socket, handlers);
  });
  try {
    await rm(path, { force: true });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(path, resolve);
    });
    await chmod(path, 0o600);
  } catch (error) {
    await release();
    throw error;
  }
  return {
    broadcast: (event: NodeEvent) => {
      if (sockets.size === 0) return;
      const line = encode({ kind: 'Event', event });
      for (const socket of sockets) write(socket, line);
    },
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
      await release();
    },
  };
}

// an abstract socket's name is shorter than a path may be
const lockName = (path: string): string =>
  `stillpoint-agent-${createHash('sha256').update(path).digest('hex').slice(0, 32)}`;

function serve(socket: Socket, handlers: AgentHandlers): void {
  const reader = new LineReader(busLimits.messageBytesMax);
  let waiting = 0;
  socket.setEncoding('utf8');
  socket.on('error', () => socket.destroy());
  socket.on('end', () => socket.destroy());

  async function answer(id: number, request: NodeRequest): Promise<void> {
    waiting += 1;
    const answer = await handlers.onRequest(request).catch(asErrorAnswer);
    waiting -= 1;
    write(socket, encode({ kind: 'Answer', id, answer }));
  }

  socket.on('data', (chunk: unknown) => {
    let messages: ToAgent[];
    try {
      messages = reader.push(String(chunk)).map(parseToAgent);
    } catch {
      socket.destroy();
      return;
    }
    for (const message of messages) {
      if (message.kind === 'Command') handlers.onCommand(message.command);
      else if (waiting < busLimits.requestsWaitingMax) void answer(message.id, message.request);
      else write(socket, encode({ kind: 'Answer', id: message.id, answer: tooMany }));
    }
  });
}

const tooMany: NodeAnswer = {
  kind: 'Error',
  code: 'SP_BUS_OVERLOADED',
  message: 'too many requests of one coordinator wait for their answers',
  remedy: 'Try again when less is under way on this node.',
};

const encode = (message: ToCoordinator): string => `${JSON.stringify(message)}\n`;

// A coordinator that is this far behind asks for everything again once it is back: what it missed costs nothing.
function write(socket: Socket, line: string): void {
  if (socket.destroyed) return;
  if (line.length > busLimits.messageBytesMax || socket.writableLength > busLimits.queueBytesMax)
    socket.destroy();
  else socket.write(line);
}
