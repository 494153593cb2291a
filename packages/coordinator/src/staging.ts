// What in the nodes' staging is needed, as the ledger has it; the rest is swept.
import type { Context } from './context.ts';
import { isStaged } from './stored-gang.ts';

/** Removes images that agents were not told to forget, or were not there to forget. */
export async function sweepStaging({ gangs, platform, log }: Context): Promise<void> {
  const all = gangs.list();
  const epochs = all.flatMap((gang) =>
    gang.epochs
      .filter((epoch) => epoch.closed === undefined || isStaged(epoch))
      .map(({ epoch }) => ({ gang: gang.name, epoch })),
  );
  const restores = all.flatMap((gang) =>
    gang.incarnations
      .filter(({ isRunning, isEnded }) => !isRunning && !isEnded)
      .map(({ incarnation }) => ({ gang: gang.name, incarnation })),
  );
  const swept = await platform.sweepStaging({ epochs, restores });
  if (swept.length > 0) log.info({ swept }, 'staging that nothing needs was removed');
}
