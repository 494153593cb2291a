// The two words that a question can be answered with, each a key of its own: the leader's, which only it may write, and
// the one that anyone may write who must give up. Where credentials guard keys and not values, an agent's can abort and
// never commit.
import type { Epoch, GangId, Incarnation } from './ids.ts';
import { absent, type LedgerCompare, ledgerKeys, type LedgerTransaction, present } from './ledger-keys.ts';
import type { Decision } from './messages.ts';
import type { RestoreOutcome } from './restore-messages.ts';

/** Two keys for one question. What the leader alone can write counts where both are there: it came first. */
export interface Words<Word> {
  readonly leaders: { readonly word: Word; readonly key: string };
  readonly anyones: { readonly word: Word; readonly key: string };
}

export const decisionWords = (gang: GangId, epoch: Epoch): Words<Decision> => ({
  leaders: { word: 'commit', key: ledgerKeys.commit(gang, epoch) },
  anyones: { word: 'abort', key: ledgerKeys.abort(gang, epoch) },
});
export const outcomeWords = (gang: GangId, incarnation: Incarnation): Words<RestoreOutcome> => ({
  leaders: { word: 'go', key: ledgerKeys.go(gang, incarnation) },
  anyones: { word: 'abandon', key: ledgerKeys.abandon(gang, incarnation) },
});

export const noneYet = <Word>({ leaders, anyones }: Words<Word>): LedgerCompare[] => [
  absent(leaders.key),
  absent(anyones.key),
];
export const stands = <Word>({ leaders, anyones }: Words<Word>, word: Word): LedgerCompare[] =>
  word === leaders.word ? [present(leaders.key)] : [absent(leaders.key), present(anyones.key)];
export const keyOf = <Word>({ leaders, anyones }: Words<Word>, word: Word): string =>
  word === leaders.word ? leaders.key : anyones.key;

/** Asks for a word, of both keys at once: a ledger answers with what it found at each compare, if it found any. */
export interface LedgerQuestion<Word> {
  readonly transaction: LedgerTransaction;
  /** @param found whether there is something at each compare's key; undefined when all compares hold */
  readonly answer: (found: readonly unknown[] | undefined) => Word | undefined;
}

const questionOf = <Word>(words: Words<Word>): LedgerQuestion<Word> => ({
  transaction: { compare: noneYet(words), put: [] },
  answer: (found) => {
    if (found === undefined) return undefined;
    return found[0] === undefined ? words.anyones.word : words.leaders.word;
  },
});

export const askDecision = (gang: GangId, epoch: Epoch): LedgerQuestion<Decision> =>
  questionOf(decisionWords(gang, epoch));
export const askOutcome = (gang: GangId, incarnation: Incarnation): LedgerQuestion<RestoreOutcome> =>
  questionOf(outcomeWords(gang, incarnation));
