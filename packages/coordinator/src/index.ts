// Public face of the coordinator: its API's types, a client, and how to find or start one.
export * from './api.ts';
export type { CallOptions, StreamOptions } from './api-socket.ts';
export { CoordinatorClient } from './client.ts';
export { ensureCoordinator, type EnsureOptions } from './ensure.ts';
export {
  ApiError,
  CoordinatorStartFailed,
  CoordinatorUnreachable,
  HomeNewerVersion,
  HomeUnusable,
  UnexpectedAnswer,
} from './errors.ts';
export { apiSocket, coordinatorLog, defaultHome, openHome } from './home.ts';
export { limits as coordinatorLimits } from './limits.ts';
export { type Coordinator, type CoordinatorOptions, startCoordinator } from './coordinator.ts';
export type { Gang } from './gang.ts';
export type { NodePlatform } from './platform.ts';
export type { SharedFiles } from './shared-files.ts';
