// Public face of sp-init: where the program is, and a client for its control socket.
export { SpInitClient, type ConnectOptions, type WatchEvent } from './client.ts';
export { SpInitGone, SpInitNotBuilt, SpInitRefused, SpInitTimeout, SpInitUnreachable } from './errors.ts';
export { spInitPath } from './path.ts';
export {
  parseExitFile,
  type SpInitDrained,
  type SpInitExit,
  type SpInitState,
  type SpInitStatus,
} from './status.ts';
