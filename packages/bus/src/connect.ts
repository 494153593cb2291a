// A coordinator's end of the bus over a unix socket: requests with deadlines, and a connection that is taken up
// again whenever it is lost.
import { connect, type Socket } from 'node:net';
import type { NodeRequest } from '@stillpoint/protocol';
import type { AnswerTo, LinkState, NodeCommand, NodeEvent, NodeLink, RequestOptions } from './bus.ts';
import { BusOverloaded, NodeUnreachable } from './errors.ts';
import { busLimits } from './limits.ts';
import { LineReader } from './lines.ts';
import { Listeners } from './listeners.ts';
import { RequestTable } from './requests.ts';
import { parseToCoordinator, type ToAgent } from './wire.ts';

/** Connects to the agent that listens on a socket, now or later. Ends only with `close()`. */
export function connectNode(path: string): NodeLink {
  return new SocketLink(path);
}

class SocketLink implements NodeLink {
  readonly #path: string;
  readonly #requests: RequestTable;
  readonly #messageListeners = new Listeners<NodeEvent>();
  readonly #stateListeners = new Listeners<LinkState>();
  #socket: Socket | undefined;
  #state: LinkState = 'down';
  #detail = 'not connected yet';
  #failures = 0;
  #retry: NodeJS.Timeout | undefined;
  #closed = false;

  constructor(path: string) {
    this.#path = path;
    this.#requests = new RequestTable(path);
    this.#connect();
  }

  get state(): LinkState {
    return this.#state;
  }

  async request<Request extends NodeRequest>(
    request: Request,
    options: RequestOptions = {},
  ): Promise<AnswerTo<Request>> {
    if (this.#state === 'down') throw new NodeUnreachable(this.#path, this.#detail);
    options.signal?.throwIfAborted();
    const { id, answer } = this.#requests.open(request, options);
    if (!this.#write({ kind: 'Request', id, request })) {
      this.#requests.fail(id, new BusOverloaded(this.#path, 'too much waits to be sent'));
    }
    return answer;
  }

  send(command: NodeCommand): boolean {
    return this.#state === 'up' && this.#write({ kind: 'Command', command });
  }

  onMessage(listener: (event: NodeEvent) => void): () => void {
    return this.#messageListeners.add(listener);
  }

  onState(listener: (state: LinkState) => void): () => void {
    return this.#stateListeners.add(listener);
  }

  close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#retry);
    const socket = this.#socket;
    this.#lose('the link was closed');
    if (socket === undefined || socket.closed) return Promise.resolve();
    return new Promise((resolve) => {
      socket.once('close', () => resolve());
      socket.destroy();
    });
  }

  #connect(): void {
    const socket = connect(this.#path).setEncoding('utf8');
    this.#socket = socket;
    const reader = new LineReader(busLimits.messageBytesMax);
    const timeout = setTimeout(() => socket.destroy(new Error('no answer')), busLimits.connectMs);
    socket.once('connect', () => {
      clearTimeout(timeout);
      this.#failures = 0;
      this.#setState('up');
    });
    socket.on('data', (chunk: string) => {
      try {
        for (const line of reader.push(chunk)) this.#receive(line);
      } catch (error) {
        socket.destroy(error as Error);
      }
    });
    socket.once('end', () => socket.destroy());
    socket.on('error', (error) => (this.#detail = error.message));
    socket.once('close', () => {
      clearTimeout(timeout);
      if (this.#socket !== socket) return;
      this.#lose(this.#state === 'up' ? 'its connection was lost' : this.#detail);
      this.#connectLater();
    });
  }

  #connectLater(): void {
    if (this.#closed) return;
    const wait = Math.min(busLimits.reconnectFirstMs * 2 ** this.#failures, busLimits.reconnectLongestMs);
    this.#failures = Math.min(this.#failures + 1, 10);
    this.#retry = setTimeout(() => this.#connect(), wait);
  }

  #receive(line: string): void {
    const message = parseToCoordinator(line);
    if (message.kind === 'Answer') this.#requests.answer(message.id, message.answer);
    else this.#messageListeners.call(message.event);
  }

  #write(message: ToAgent): boolean {
    const socket = this.#socket;
    if (socket === undefined || socket.destroyed) return false;
    const line = JSON.stringify(message);
    if (line.length > busLimits.messageBytesMax || socket.writableLength > busLimits.queueBytesMax)
      return false;
    socket.write(`${line}\n`);
    return true;
  }

  #lose(detail: string): void {
    this.#socket = undefined;
    this.#detail = detail;
    this.#requests.failAll(new NodeUnreachable(this.#path, detail));
    this.#setState('down');
  }

  #setState(state: LinkState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#stateListeners.call(state);
  }
}
