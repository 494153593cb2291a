// A coordinator's end of the bus on NATS: one connection for all nodes, and a link to each.
import { randomUUID } from 'node:crypto';
import type { NodeRequest } from '@stillpoint/protocol';
import type { AnswerTo, LinkState, NodeCommand, NodeEvent, NodeLink, RequestOptions } from '../bus.ts';
import { BusOverloaded, NodeUnreachable } from '../errors.ts';
import { busLimits } from '../limits.ts';
import { Listeners } from '../listeners.ts';
import { RequestTable } from '../requests.ts';
import { Connection, type NatsOptions } from './connection.ts';
import type { NatsMessages } from './messages.ts';
import { fromAll, hookAnswer, hookSubject, nodeToken, nodeTokenOf, toNode, toPlaces } from './subjects.ts';

/** The bus as a coordinator has it. */
export interface NatsBus {
  /** A link to the agent of a node, whether there is one now or later. */
  connect(node: string): NodeLink;
  /** Sends a command to several nodes without waiting, in as few messages as can be. One whose agent is lost hears nothing. */
  sendToAll(nodes: readonly string[], command: NodeCommand): void;
  /** Asks whoever answers a hook's subject. @returns the answer's text @throws when there is none in time */
  ask(subject: string, text: string, deadlineMs: number): Promise<string>;
  close(): Promise<void>;
}

/** @throws `SP_BUS_UNAVAILABLE` */
export async function openNatsBus(options: NatsOptions): Promise<NatsBus> {
  const id = randomUUID();
  const connection = await Connection.open(`coordinator ${id}`, options);
  const links = new Map<string, Set<NatsLink>>();
  const linksOf = (subject: string): readonly NatsLink[] => [...(links.get(nodeTokenOf(subject)) ?? [])];
  connection.hear(fromAll.beat, 'beat', (beat, subject) => {
    for (const link of linksOf(subject)) link.hearBeat(beat);
  });
  connection.hear(fromAll.event, 'event', (event, subject) => {
    for (const link of linksOf(subject)) link.hearEvent(event);
  });
  connection.hear(fromAll.answer(id), 'answer', (answer, subject) => {
    for (const link of linksOf(subject)) link.hearAnswer(answer);
  });
  connection.watch((isUp) => {
    for (const each of links.values()) for (const link of each) link.connectionChanged(isUp);
  });
  return {
    connect: (node) => {
      const token = nodeToken(node);
      const own = links.get(token) ?? new Set<NatsLink>();
      links.set(token, own);
      const link = new NatsLink(node, id, connection, () => own.delete(link));
      own.add(link);
      link.callAgent();
      return link;
    },
    sendToAll: (nodes, command) => {
      const reached = nodes.flatMap((node) => [...(links.get(nodeToken(node)) ?? [])].slice(0, 1));
      const placed = reached.filter((link) => link.place !== undefined);
      for (const link of reached) if (link.place === undefined) link.send(command);
      for (const { subject } of toPlaces(placed.map((link) => link.place ?? 0)))
        connection.send(subject, { command });
    },
    ask: (subject, text, deadlineMs) =>
      connection.ask(hookSubject(subject), hookAnswer(randomUUID()), text, deadlineMs),
    close: async () => {
      for (const each of links.values()) for (const link of each) await link.close();
      await connection.close();
    },
  };
}

/** Up for as long as an agent of the node makes itself heard. */
class NatsLink implements NodeLink {
  readonly #node: string;
  readonly #coordinator: string;
  readonly #connection: Connection;
  readonly #forget: () => void;
  readonly #requests: RequestTable;
  readonly #messageListeners = new Listeners<NodeEvent>();
  readonly #stateListeners = new Listeners<LinkState>();
  #agent: string | undefined;
  #place: number | undefined;
  #silence: NodeJS.Timeout | undefined;
  #isClosed = false;
  #detail = 'it has not made itself heard';

  constructor(node: string, coordinator: string, connection: Connection, forget: () => void) {
    this.#node = node;
    this.#coordinator = coordinator;
    this.#connection = connection;
    this.#forget = forget;
    this.#requests = new RequestTable(node);
  }

  /** Where the agent hears what is said to several nodes; undefined where it does not, or is lost. */
  get place(): number | undefined {
    return this.#agent === undefined ? undefined : this.#place;
  }

  get state(): LinkState {
    return this.#agent === undefined ? 'down' : 'up';
  }

  async request<Request extends NodeRequest>(
    request: Request,
    options: RequestOptions = {},
  ): Promise<AnswerTo<Request>> {
    if (this.state === 'down') throw new NodeUnreachable(this.#node, this.#detail);
    options.signal?.throwIfAborted();
    const { id, answer } = this.#requests.open(request, options);
    const message = { id, coordinator: this.#coordinator, request };
    if (!this.#connection.send(toNode(this.#node).request, message))
      this.#requests.fail(id, new BusOverloaded(this.#node, 'the request could not be sent'));
    return answer;
  }

  send(command: NodeCommand): boolean {
    return this.state === 'up' && this.#connection.send(toNode(this.#node).command, { command });
  }

  onMessage(listener: (event: NodeEvent) => void): () => void {
    return this.#messageListeners.add(listener);
  }

  onState(listener: (state: LinkState) => void): () => void {
    return this.#stateListeners.add(listener);
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.#forget();
    this.#lose('the link was closed');
    return Promise.resolve();
  }

  /** Asks an agent that is there to make itself heard at once. */
  callAgent(): void {
    this.#connection.call(toNode(this.#node).call);
  }

  hearBeat({ agent, isLast, place }: NatsMessages['beat']): void {
    if (this.#isClosed) return;
    if (isLast) {
      if (agent === this.#agent) this.#lose('it has ended');
      return;
    }
    this.#place = place;
    if (agent !== this.#agent) {
      this.#lose('another agent serves the node');
      this.#agent = agent;
      this.#stateListeners.call('up');
    }
    clearTimeout(this.#silence);
    const silentFor = `it was not heard for ${busLimits.natsSilentMs} ms`;
    this.#silence = setTimeout(() => this.#lose(silentFor), busLimits.natsSilentMs);
    this.#silence.unref();
  }

  hearEvent({ agent, event }: NatsMessages['event']): void {
    if (agent === this.#agent) this.#messageListeners.call(event);
  }

  hearAnswer({ id, agent, answer }: NatsMessages['answer']): void {
    if (agent === this.#agent) this.#requests.answer(id, answer);
  }

  connectionChanged(isUp: boolean): void {
    if (isUp) this.callAgent();
    else this.#lose('the connection to NATS was lost');
  }

  #lose(detail: string): void {
    clearTimeout(this.#silence);
    this.#detail = detail;
    this.#requests.failAll(new NodeUnreachable(this.#node, detail));
    if (this.#agent === undefined) return;
    this.#agent = undefined;
    this.#stateListeners.call('down');
  }
}
