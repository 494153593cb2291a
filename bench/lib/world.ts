// A Stillpoint of its own for one benchmark: a fresh state folder with its coordinator, gone afterwards.
import { type HomePaths, homePaths } from '@stillpoint/agent';
import { makeTemporaryHome, sweepTemporaryHomes } from '@stillpoint/cli';
import { type CoordinatorClient, ensureCoordinator } from '@stillpoint/coordinator';

const prefix = 'stillpoint-bench';

export interface World extends AsyncDisposable {
  readonly paths: HomePaths;
  /** A folder on the disk that the members see. */
  readonly work: string;
  readonly client: CoordinatorClient;
  /** Aborted when the benchmark is to end. */
  readonly signal: AbortSignal;
}

/** @param prepare is given the folder that the members see before anything is started; what it returns is the CRIU to use */
export async function startWorld(
  signal: AbortSignal,
  prepare?: (work: string) => Promise<string>,
): Promise<World> {
  await sweepTemporaryHomes(prefix, 'all');
  const place = await makeTemporaryHome(prefix);
  const { home, work } = place;
  const installed = process.env['STILLPOINT_CRIU'];
  try {
    // agents inherit the coordinator's environment, and copy the CRIU that is named there
    if (prepare !== undefined) process.env['STILLPOINT_CRIU'] = await prepare(work);
    const client = await ensureCoordinator(home, { signal });
    return { paths: homePaths(home), work, client, signal, [Symbol.asyncDispose]: () => place.remove() };
  } catch (error) {
    await place.remove();
    throw error;
  } finally {
    if (installed === undefined) delete process.env['STILLPOINT_CRIU'];
    else process.env['STILLPOINT_CRIU'] = installed;
  }
}
