// What a step says to several nodes at once becomes one thing to send. Pure.

interface SendEffect {
  readonly kind: 'Send';
  readonly node: string;
  readonly command: unknown;
}

export type FannedEffect<Effect extends { readonly kind: string }> =
  | Exclude<Effect, SendEffect>
  | {
      readonly kind: 'Send';
      readonly nodes: readonly string[];
      readonly command: Extract<Effect, SendEffect>['command'];
    };

/** The effects in their order; those that follow one another with the very same command are one. */
export function fanOut<Effect extends { readonly kind: string }>(
  effects: readonly Effect[],
): readonly FannedEffect<Effect>[] {
  const fanned: (Exclude<Effect, SendEffect> | (SendEffect & { nodes: string[] }))[] = [];
  for (const effect of effects) {
    const last = fanned.at(-1);
    if (!isSend(effect)) fanned.push(effect as Exclude<Effect, SendEffect>);
    else if (isFanned(last) && last.command === effect.command) last.nodes.push(effect.node);
    else fanned.push({ ...effect, nodes: [effect.node] });
  }
  return fanned;
}

const isSend = (effect: { readonly kind: string }): effect is SendEffect => effect.kind === 'Send';
const isFanned = (
  effect: { readonly kind: string } | undefined,
): effect is SendEffect & { nodes: string[] } => effect?.kind === 'Send';
