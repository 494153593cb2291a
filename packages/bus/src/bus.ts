// The bus port: how coordinators and agents reach one another. An agent listens for its node; any number of
// coordinators connect. What is said is the protocol's; a stale coordinator is refused there, by its fence, not here.
import type {
  EpochCommand,
  EpochReply,
  MemberExited,
  NodeAnswer,
  NodeRequest,
  RestoreCommand,
  RestoreReply,
} from '@stillpoint/protocol';

/** Orders that an agent answers with events. They may be lost with the connection, so their sender repeats them. */
export type NodeCommand = EpochCommand | RestoreCommand;
/** What an agent tells every coordinator that is connected. */
export type NodeEvent = EpochReply | RestoreReply | MemberExited;

/** Which answer belongs to which request. */
export const answerKinds = {
  Hello: 'Hello',
  Allocate: 'Allocated',
  Launch: 'Launched',
  Remove: 'Removed',
  RunHook: 'HookRan',
  Status: 'Status',
} as const satisfies Record<NodeRequest['kind'], NodeAnswer['kind']>;

/** The answer that belongs to a request. */
export type AnswerTo<Request extends NodeRequest> = Extract<
  NodeAnswer,
  { readonly kind: (typeof answerKinds)[Request['kind']] }
>;

export type LinkState = 'up' | 'down';

export interface RequestOptions {
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

/** A coordinator's end: it connects, and connects again whenever the agent is lost, until it is closed. */
export interface NodeLink {
  readonly state: LinkState;
  /**
   * Asks and waits for the answer.
   *
   * @throws `SP_NODE_UNREACHABLE`, `SP_REQUEST_TIMEOUT`, `SP_BUS_OVERLOADED`, the signal's reason, or the
   * agent's own coded error as `NodeRefused`
   */
  request<Request extends NodeRequest>(
    request: Request,
    options?: RequestOptions,
  ): Promise<AnswerTo<Request>>;
  /** Sends without waiting. False: not sent, because the agent is not connected or too far behind. */
  send(command: NodeCommand): boolean;
  /** @returns a function that ends the subscription */
  onMessage(listener: (event: NodeEvent) => void): () => void;
  /** Calls back at every change of `state`. @returns a function that ends the subscription */
  onState(listener: (state: LinkState) => void): () => void;
  /** Ends the link. Requests without an answer end with `SP_NODE_UNREACHABLE`. */
  close(): Promise<void>;
}

/** What an agent does with what it hears. */
export interface AgentHandlers {
  /** A rejection travels as an `Error` answer, with its code if it has one. */
  onRequest(request: NodeRequest): Promise<NodeAnswer>;
  /** Must not throw: what becomes of a command is said in events. */
  onCommand(command: NodeCommand): void;
}

/** An agent's end. */
export interface AgentListener {
  /** Sends to every connected coordinator. One that is too far behind is disconnected, and asks again. */
  broadcast(event: NodeEvent): void;
  close(): Promise<void>;
}
