// The way to a state folder's coordinator.
import { realpath } from 'node:fs/promises';
import type { CoordinatorClient } from '@stillpoint/coordinator';

/** Finds the coordinator, or starts one. */
export async function connect(home: string, signal: AbortSignal): Promise<CoordinatorClient> {
  const { ensureCoordinator } = await import('@stillpoint/coordinator');
  return ensureCoordinator(home, { signal });
}

/** The client of a coordinator that may or may not run. Makes and starts nothing. */
export async function connectIfRunning(home: string): Promise<CoordinatorClient | undefined> {
  const [{ apiSocket, CoordinatorClient }, { homePaths }] = await Promise.all([
    import('@stillpoint/coordinator'),
    import('@stillpoint/agent'),
  ]);
  try {
    return new CoordinatorClient(apiSocket(homePaths(await realpath(home))));
  } catch {
    return undefined; // no state folder yet
  }
}
