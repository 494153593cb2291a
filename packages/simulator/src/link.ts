// The bus between a simulated coordinator and the agent of one node. What is said may be lost; the link is up while
// the agent listens and both can reach each other.
import {
  type AgentHandlers,
  type AnswerTo,
  type LinkState,
  type NodeCommand,
  type NodeEvent,
  type NodeLink,
  NodeRefused,
  NodeUnreachable,
  RequestTimeout,
  type RequestOptions,
} from '@stillpoint/bus';
import { type NodeAnswer, type NodeRequest, StillpointError } from '@stillpoint/protocol';
import type { Engine } from './engine.ts';
import type { Network } from './network.ts';
import type { SimulatedProcess } from './process.ts';

/** How long a link waits before it looks for the agent again, and for a sign of life. */
const lookAgainMs = 250;
const requestDeadlineMs = 30_000;

interface Listening {
  readonly process: SimulatedProcess;
  readonly handlers: AgentHandlers;
}

/** Where the agent of a node listens, when there is one. */
export class AgentAddress {
  readonly host: string;
  readonly links = new Set<SimulatedLink>();
  #listening: Listening | undefined;

  constructor(host: string) {
    this.host = host;
  }

  get listening(): Listening | undefined {
    return this.#listening?.process.isAlive === true ? this.#listening : undefined;
  }

  listen(listening: Listening): void {
    this.#listening = listening;
  }

  broadcast(event: NodeEvent): void {
    for (const link of this.links) link.receive(event);
  }
}

export class SimulatedLink implements NodeLink {
  readonly #engine: Engine;
  readonly #network: Network;
  readonly #owner: SimulatedProcess;
  readonly #address: AgentAddress;
  readonly #messages = new Set<(event: NodeEvent) => void>();
  readonly #states = new Set<(state: LinkState) => void>();
  readonly #waiting = new Map<number, (end: { answer: NodeAnswer } | { error: unknown }) => void>();
  #peer: Listening | undefined;
  #lastRequest = 0;
  #isClosed = false;

  constructor(engine: Engine, network: Network, owner: SimulatedProcess, address: AgentAddress) {
    this.#engine = engine;
    this.#network = network;
    this.#owner = owner;
    this.#address = address;
    address.links.add(this);
    this.#look();
  }

  get state(): LinkState {
    return this.#peer === undefined ? 'down' : 'up';
  }

  send(command: NodeCommand): boolean {
    const peer = this.#peer;
    if (peer === undefined) return false;
    this.#toPeer(peer, () => peer.handlers.onCommand(command));
    return true;
  }

  async request<Request extends NodeRequest>(
    request: Request,
    options: RequestOptions = {},
  ): Promise<AnswerTo<Request>> {
    const peer = this.#peer;
    if (peer === undefined) throw new NodeUnreachable(this.#address.host, 'not connected');
    options.signal?.throwIfAborted();
    this.#lastRequest += 1;
    const id = this.#lastRequest;
    const { promise, resolve, reject } = Promise.withResolvers<AnswerTo<Request>>();
    const deadlineMs = options.deadlineMs ?? requestDeadlineMs;
    const aborted = (): void => this.#settle(id, { error: options.signal?.reason });
    const overdue = (): void =>
      this.#settle(id, { error: new RequestTimeout(this.#address.host, request.kind, deadlineMs) });
    const forget = this.#owner.clock.after(deadlineMs, overdue);
    options.signal?.addEventListener('abort', aborted, { once: true });
    this.#waiting.set(id, (end) => {
      forget();
      options.signal?.removeEventListener('abort', aborted);
      if ('error' in end) reject(end.error);
      else if (end.answer.kind === 'Error') reject(new NodeRefused(end.answer));
      else resolve(end.answer as AnswerTo<Request>);
    });
    this.#toPeer(peer, () => {
      void peer.handlers.onRequest(request).then(
        (answer) => this.#toOwner(() => this.#settle(id, { answer })),
        (error: unknown) => this.#toOwner(() => this.#settle(id, { answer: asAnswer(error) })),
      );
    });
    return promise;
  }

  onMessage(listener: (event: NodeEvent) => void): () => void {
    this.#messages.add(listener);
    return () => this.#messages.delete(listener);
  }

  onState(listener: (state: LinkState) => void): () => void {
    this.#states.add(listener);
    return () => this.#states.delete(listener);
  }

  receive(event: NodeEvent): void {
    this.#toOwner(() => {
      for (const listener of this.#messages) listener(event);
    });
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.#address.links.delete(this);
    this.#lose('the link was closed');
    return Promise.resolve();
  }

  #toPeer(peer: Listening, arrive: () => void): void {
    this.#network.deliver(this.#owner.host, this.#address.host, () => {
      if (this.#address.listening === peer) peer.process.enter(arrive);
    });
  }

  #toOwner(arrive: () => void): void {
    this.#network.deliver(this.#address.host, this.#owner.host, () =>
      this.#owner.enter(() => {
        if (!this.#isClosed) arrive();
      }),
    );
  }

  #settle(id: number, end: { answer: NodeAnswer } | { error: unknown }): void {
    const settle = this.#waiting.get(id);
    this.#waiting.delete(id);
    settle?.(end);
  }

  /** Looks for the agent from time to time, for as long as its coordinator lives. */
  #look(): void {
    if (this.#isClosed) return;
    if (!this.#owner.isAlive) {
      this.#address.links.delete(this);
      return;
    }
    this.#owner.enter(() => this.#compare());
    this.#engine.after(lookAgainMs, () => this.#look());
  }

  #compare(): void {
    const found = this.#address.listening;
    if (found === this.#peer || this.#isClosed) return;
    if (this.#peer !== undefined) return this.#lose('its connection was lost');
    const { host } = this.#address;
    const isReached =
      this.#network.canReach(this.#owner.host, host) && this.#network.canReach(host, this.#owner.host);
    if (!isReached) return;
    this.#peer = found;
    for (const listener of this.#states) listener('up');
  }

  #lose(detail: string): void {
    for (const id of this.#waiting.keys())
      this.#settle(id, { error: new NodeUnreachable(this.#address.host, detail) });
    if (this.#peer === undefined) return;
    this.#peer = undefined;
    for (const listener of this.#states) listener('down');
  }
}

const asAnswer = (error: unknown): NodeAnswer => {
  const { code, message, remedy } =
    error instanceof StillpointError
      ? error
      : { code: 'SP_AGENT_BROKEN', message: String(error), remedy: 'This is a defect.' };
  return { kind: 'Error', code, message, remedy };
};
