// Public face of the bus on NATS. Apart from the bus's own: its client takes a while to load, and not everyone needs it.
export { listenOnNats } from './agent.ts';
export type { NatsOptions } from './connection.ts';
export { type NatsBus, openNatsBus } from './coordinator.ts';
export { agentRights, coordinatorRights, type NatsRights } from './subjects.ts';
