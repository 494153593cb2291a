// What the driver of an epoch needs of a coordinator: its nodes, ledger, vault and hooks.
import type { GangEpochInput } from '@stillpoint/protocol';
import type { Context } from './context.ts';
import type { EpochWorld } from './epoch-world.ts';
import type { Gang } from './gang.ts';
import { asTheVaultHasIt, inVaultsWords, publishEpoch } from './manifest.ts';
import { persistently } from './persist.ts';
import type { EpochOpened } from './records.ts';

export function checkpointWorld(
  context: Context,
  gang: Gang,
  input: GangEpochInput,
  opened: EpochOpened,
): EpochWorld {
  const { clock, store, nodes, vault, metrics, hooks } = context;
  const { epoch, incarnation } = input.header;
  const log = context.log.child({ gang: gang.name, incarnation, epoch });
  let unwritten: unknown;
  return {
    clock,
    send: metrics.countRepeats((names, command) => nodes.sendToAll(names, command)),
    decide: async (decision, reason) => {
      const found = await store.decideEpoch(gang.id, epoch, decision, reason);
      gang.changeEpoch(epoch, { decision: found });
      return found;
    },
    runHooks: (stage, { signal, report }) => {
      const { header, outcome } = input;
      const placement = gang.incarnations.find((each) => each.incarnation === incarnation)?.opened.placement;
      return hooks.run({
        gang: gang.record,
        placement: placement ?? [],
        header,
        outcome,
        stage,
        log,
        signal,
        report,
      });
    },
    publish: (members) =>
      publishEpoch({ clock, vault }, input, opened, members).catch((error: unknown) => {
        unwritten = error;
        throw error;
      }),
    close: (closing) =>
      persistently({ ...context, log }, 'closing an epoch', async () => {
        const stands = await asTheVaultHasIt(vault, opened, inVaultsWords(closing, unwritten));
        await store.closeEpoch(gang.id, epoch, stands.report);
        gang.changeEpoch(epoch, { closed: stands.report });
        return stands;
      }),
    log,
  };
}
