// Public face of the bus: the port, the transport over unix sockets, and the one within a process. The contract
// suite is `./testing`.
export type {
  AgentHandlers,
  AgentListener,
  AnswerTo,
  LinkState,
  NodeCommand,
  NodeEvent,
  NodeLink,
  RequestOptions,
} from './bus.ts';
export { connectNode } from './connect.ts';
export {
  AddressInUse,
  BusOverloaded,
  BusUnavailable,
  MessageTooLarge,
  NodeRefused,
  NodeUnreachable,
  RequestTimeout,
} from './errors.ts';
export { holdExclusively, type Release } from './exclusive.ts';
export { InProcessNode } from './in-process.ts';
export { busLimits } from './limits.ts';
export { listenAsAgent } from './listen.ts';
