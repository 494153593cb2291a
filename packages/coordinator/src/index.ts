// Public face of the coordinator: its API's types, a client, and how to start one.
export * from './api.ts';
export { type CallOptions, CoordinatorClient, type StreamOptions } from './client.ts';
export { ApiError, CoordinatorUnreachable, UnexpectedAnswer } from './errors.ts';
export { limits as coordinatorLimits } from './limits.ts';
