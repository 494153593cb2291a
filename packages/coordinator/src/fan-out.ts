// What a step says to several nodes at once becomes one thing to send. Pure.
import type { EpochCommand, GangEffect } from '@stillpoint/protocol';

export type FannedEffect =
  | Exclude<GangEffect, { kind: 'Send' }>
  | { readonly kind: 'Send'; readonly nodes: readonly string[]; readonly command: EpochCommand };

/** The effects in their order; those that follow one another with the very same command are one. */
export function fanOut(effects: readonly GangEffect[]): readonly FannedEffect[] {
  const fanned: FannedEffect[] = [];
  for (const effect of effects) {
    const last = fanned.at(-1);
    if (effect.kind !== 'Send') fanned.push(effect);
    else if (last?.kind === 'Send' && last.command === effect.command)
      fanned[fanned.length - 1] = { ...last, nodes: [...last.nodes, effect.node] };
    else fanned.push({ kind: 'Send', nodes: [effect.node], command: effect.command });
  }
  return fanned;
}
