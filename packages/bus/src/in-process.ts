// The bus within one process, for tests and for a coordinator that hosts its agents. Messages are copied as they
// would be by a connection, and arrive in order, later than the call that sent them.
import type { NodeAnswer, NodeRequest } from '@stillpoint/protocol';
import type {
  AgentHandlers,
  AgentListener,
  AnswerTo,
  LinkState,
  NodeCommand,
  NodeEvent,
  NodeLink,
  RequestOptions,
} from './bus.ts';
import { AddressInUse, NodeUnreachable } from './errors.ts';
import { Listeners } from './listeners.ts';
import { RequestTable } from './requests.ts';
import { asErrorAnswer } from './answers.ts';

/** One address of the bus: what a socket's path is elsewhere. */
export class InProcessNode {
  readonly #name: string;
  readonly #links = new Set<InProcessLink>();
  #handlers: AgentHandlers | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  /** @throws `SP_BUS_ADDRESS_IN_USE` */
  listen(handlers: AgentHandlers): AgentListener {
    if (this.#handlers !== undefined) throw new AddressInUse(this.#name);
    this.#handlers = handlers;
    for (const link of this.#links) link.attach(handlers);
    return {
      broadcast: (event) => {
        for (const link of this.#links) link.receive(event);
      },
      close: () => {
        if (this.#handlers === handlers) {
          this.#handlers = undefined;
          for (const link of this.#links) link.detach('its connection was lost');
        }
        return Promise.resolve();
      },
    };
  }

  connect(): NodeLink {
    const link = new InProcessLink(this.#name, () => this.#links.delete(link));
    this.#links.add(link);
    if (this.#handlers !== undefined) link.attach(this.#handlers);
    return link;
  }
}

class InProcessLink implements NodeLink {
  readonly #name: string;
  readonly #forget: () => void;
  readonly #requests: RequestTable;
  readonly #messageListeners = new Listeners<NodeEvent>();
  readonly #stateListeners = new Listeners<LinkState>();
  #handlers: AgentHandlers | undefined;
  #state: LinkState = 'down';

  constructor(name: string, forget: () => void) {
    this.#name = name;
    this.#forget = forget;
    this.#requests = new RequestTable(name);
  }

  get state(): LinkState {
    return this.#state;
  }

  attach(handlers: AgentHandlers): void {
    this.#handlers = handlers;
    // as a connection does, it comes up after the call that asked for it
    queueMicrotask(() => {
      if (this.#handlers === handlers) this.#setState('up');
    });
  }

  detach(detail: string): void {
    this.#handlers = undefined;
    this.#requests.failAll(new NodeUnreachable(this.#name, detail));
    this.#setState('down');
  }

  receive(event: NodeEvent): void {
    const from = this.#handlers;
    const copy = copyOf(event);
    setImmediate(() => {
      if (this.#handlers === from) this.#messageListeners.call(copy);
    });
  }

  async request<Request extends NodeRequest>(
    request: Request,
    options: RequestOptions = {},
  ): Promise<AnswerTo<Request>> {
    const handlers = this.#handlers;
    if (handlers === undefined || this.#state === 'down')
      throw new NodeUnreachable(this.#name, 'not connected');
    options.signal?.throwIfAborted();
    const { id, answer } = this.#requests.open(request, options);
    const copy = copyOf<NodeRequest>(request);
    setImmediate(() => {
      if (this.#handlers !== handlers) return;
      void handlers
        .onRequest(copy)
        .catch(asErrorAnswer)
        .then((found: NodeAnswer) => this.#requests.answer(id, copyOf(found)));
    });
    return answer;
  }

  send(command: NodeCommand): boolean {
    const handlers = this.#handlers;
    if (handlers === undefined || this.#state === 'down') return false;
    const copy = copyOf(command);
    setImmediate(() => {
      if (this.#handlers === handlers) handlers.onCommand(copy);
    });
    return true;
  }

  onMessage(listener: (event: NodeEvent) => void): () => void {
    return this.#messageListeners.add(listener);
  }

  onState(listener: (state: LinkState) => void): () => void {
    return this.#stateListeners.add(listener);
  }

  close(): Promise<void> {
    this.#forget();
    this.detach('the link was closed');
    return Promise.resolve();
  }

  #setState(state: LinkState): void {
    if (this.#state === state) return;
    this.#state = state;
    this.#stateListeners.call(state);
  }
}

const copyOf = <Value>(value: Value): Value => JSON.parse(JSON.stringify(value)) as Value;
