// What in the nodes' staging and in the vault is needed for epochs and attempts under way, as the ledger has it; the
// rest is swept.
import type { Context } from './context.ts';
import type { Gangs } from './gangs.ts';
import { isInFlight } from './stored-gang.ts';

/** Removes images that agents were not told to forget, or were not there to forget. */
export async function sweepStaging({ gangs, platform, log }: Context): Promise<void> {
  const restores = gangs
    .list()
    .flatMap((gang) =>
      gang.incarnations
        .filter(({ isRunning, isEnded }) => !isRunning && !isEnded)
        .map(({ incarnation }) => ({ gang: gang.name, incarnation })),
    );
  const swept = await platform.sweepStaging({ epochs: epochsInFlight(gangs), restores });
  if (swept.length > 0) log.info({ swept }, 'staging that nothing needs was removed');
}

/** What epochs that will never be published have left in the vault. */
export async function sweepVault({ vault, gangs, log }: Context): Promise<void> {
  const swept = await vault.sweep({ inFlight: epochsInFlight(gangs) });
  if (swept.length > 0) log.info({ epochs: swept }, 'epochs that were never published were removed');
}

const epochsInFlight = (gangs: Gangs): { readonly gang: string; readonly epoch: number }[] =>
  gangs
    .list()
    .flatMap((gang) => gang.epochs.filter(isInFlight).map(({ epoch }) => ({ gang: gang.name, epoch })));
