// The coded errors of the bus.
import { StillpointError } from '@stillpoint/protocol';

/** The node's agent is not connected, or the connection ended before it answered: the request may have been carried out. */
export class NodeUnreachable extends StillpointError {
  constructor(node: string, detail: string) {
    super('SP_NODE_UNREACHABLE', `the agent on ${node} does not answer: ${detail}`, {
      remedy:
        'Try again: the agent is started again by itself. `stillpoint nodes` shows whether it has come back.',
      retryable: true,
    });
    this.name = 'NodeUnreachable';
  }
}

/** The agent is there but took too long: the request may still be carried out. */
export class RequestTimeout extends StillpointError {
  constructor(node: string, request: string, deadlineMs: number) {
    super('SP_REQUEST_TIMEOUT', `${node} did not answer ${request} within ${deadlineMs} ms`, {
      remedy: 'Try again; if it stays so, look at the log of the agent on that node.',
      retryable: true,
    });
    this.name = 'RequestTimeout';
  }
}

/** A message or a queue is over its limit. */
export class BusOverloaded extends StillpointError {
  constructor(subject: string, detail: string) {
    super('SP_BUS_OVERLOADED', `${subject}: ${detail}`, {
      remedy: 'Try again when less is under way on this node.',
      retryable: true,
    });
    this.name = 'BusOverloaded';
  }
}

/** Another process serves this node already. */
export class AddressInUse extends StillpointError {
  constructor(path: string) {
    super('SP_BUS_ADDRESS_IN_USE', `another process listens on ${path} already`, {
      remedy: 'Let it serve, or end it first.',
    });
    this.name = 'AddressInUse';
  }
}

/** The agent answered with an error; its code, message and remedy are kept. */
export class NodeRefused extends StillpointError {
  constructor(answer: { readonly code: string; readonly message: string; readonly remedy: string }) {
    super(answer.code, answer.message, { remedy: answer.remedy });
    this.name = 'NodeRefused';
  }
}

/** No server of the bus takes the connection. */
export class BusUnavailable extends StillpointError {
  constructor(servers: readonly string[], detail: string) {
    super('SP_BUS_UNAVAILABLE', `no NATS server of ${servers.join(', ')} takes the connection: ${detail}`, {
      remedy:
        'Look whether nats-server runs there, and whether its certificates and users fit; then try again.',
      retryable: true,
    });
    this.name = 'BusUnavailable';
  }
}

/** A message is larger than the bus carries. */
export class MessageTooLarge extends StillpointError {
  constructor(what: string, bytesMax: number) {
    super('SP_BUS_MESSAGE_TOO_LARGE', `${what} does not fit into a message of ${bytesMax} bytes`, {
      remedy:
        'Raise `max_payload` in the configuration of nats-server (8 MB is a good value), and reload it.',
    });
    this.name = 'MessageTooLarge';
  }
}
