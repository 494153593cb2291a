// `stillpoint completion`: the script that a shell loads; and `__complete`, which that script asks.
import { Argument } from 'commander';
import type { Candidate, Lookup } from '../completion/candidates.ts';
import { completionScripts, type Shell, shells } from '../completion/scripts.ts';
import { limits } from '../limits.ts';
import type { Session } from '../session.ts';
import type { Verb } from '../verb.ts';

export const completion: Verb = {
  name: 'completion',
  usage: 'bash|zsh|fish',
  summary: 'completion for a shell: bash, zsh or fish',
  examples: [
    { line: 'eval "$(stillpoint completion bash)"', says: 'in ~/.bashrc' },
    { line: 'source <(stillpoint completion zsh)', says: 'in ~/.zshrc' },
    { line: 'stillpoint completion fish | source', says: 'in ~/.config/fish/config.fish' },
  ],
  notes: ['It completes names of gangs, epochs and nodes while a coordinator runs. JSON: {shell, script}'],
  declare: (command, act) =>
    command.addArgument(new Argument('<SHELL>', 'which one').choices(shells)).action(
      act((session, shell: Shell) => {
        const script = completionScripts[shell];
        session.print({ shell, script }, script.trimEnd());
        return Promise.resolve(undefined);
      }),
    ),
};

export const complete: Verb = {
  name: '__complete',
  usage: '-- WORD...',
  summary: 'what can come next',
  examples: [{ line: "stillpoint __complete -- show ''", says: 'as a shell asks it' }],
  isHidden: true,
  declare: (command, act) =>
    command.argument('[words...]', 'what follows `stillpoint`; the last one is completed').action(
      act(async (session, words: readonly string[]) => {
        const { candidatesFor } = await import('../completion/candidates.ts');
        const { words: known, lookup, current } = candidatesFor(command.parent ?? command, words);
        const found = lookup === undefined ? noneFound : await lookedUp(session, lookup, current);
        const lines = [
          ...found.directives,
          ...[...known, ...found.words].map(({ word, says }) => `${word}\t${says}`),
        ];
        session.print(lines, lines.join('\n'));
        return undefined;
      }),
    ),
};

interface Looked {
  /** `:files` and the like: for the shell to do. */
  readonly directives: readonly string[];
  readonly words: readonly Candidate[];
}

const noneFound: Looked = { directives: [], words: [] };

/** Never fails, and never takes long: a shell waits for it. */
async function lookedUp(session: Session, lookup: Lookup, current: string): Promise<Looked> {
  if (lookup === 'files' || lookup === 'folders') return { directives: [`:${lookup}`], words: [] };
  try {
    const client = await session.io.connectIfRunning(session.home);
    if (client === undefined) return noneFound;
    const { lookUp } = await import('../completion/lookup.ts');
    // from here on: loading this program is not the coordinator's fault
    const signal = AbortSignal.any([session.signal, AbortSignal.timeout(limits.completionDeadlineMs)]);
    const { words, isOpenEnded } = await lookUp(lookup, current, client, signal);
    return { directives: isOpenEnded === true ? [':nospace'] : [], words };
  } catch {
    return noneFound;
  }
}
