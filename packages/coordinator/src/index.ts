// Public face of the coordinator: its API's types, a client, and how to find or start one. What it takes to run one in a
// world of one's own is `./assembly`: no command loads that.
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
export { hooksFileSchema } from './hook-specs.ts';
export { limits as coordinatorLimits } from './limits.ts';
