// Names of gangs, epochs and nodes for shell completion. Asks a coordinator that runs, for a short time; starts none.
import type { CoordinatorClient } from '@stillpoint/coordinator';
import type { Candidate, Lookup } from './candidates.ts';

export interface Found {
  readonly words: readonly Candidate[];
  /** More follows directly behind the word: an epoch behind `train@`. */
  readonly isOpenEnded?: boolean;
}

/** @throws whatever the coordinator throws: no completion then */
export async function lookUp(
  lookup: Exclude<Lookup, 'files' | 'folders'>,
  current: string,
  client: CoordinatorClient,
  signal: AbortSignal,
): Promise<Found> {
  switch (lookup) {
    case 'gangs':
      return { words: await gangs(client, current, signal) };
    case 'gangs-epochs':
      return current.includes('@')
        ? epochs(client, current, signal)
        : { words: await gangs(client, current, signal) };
    case 'epochs':
      return current.includes('@') ? epochs(client, current, signal) : gangsOrEpochs(client, current, signal);
    case 'nodes':
      return { words: await nodes(client, current, signal) };
  }
}

async function gangs(client: CoordinatorClient, current: string, signal: AbortSignal): Promise<Candidate[]> {
  const found = await client.listGangs({ signal });
  return found
    .filter(({ name }) => name.startsWith(current))
    .map(({ name, state, ranks }) => ({ word: name, says: `${state}, ${ranks} ranks` }));
}

async function epochs(client: CoordinatorClient, current: string, signal: AbortSignal): Promise<Found> {
  const gang = current.slice(0, current.indexOf('@'));
  const found = await client.listEpochs(gang, { signal });
  const words = found
    .filter(({ state }) => state !== 'removed')
    .map(({ epoch, state, trigger }) => ({ word: `${gang}@${epoch}`, says: `${state}, ${trigger}` }));
  return { words: words.filter(({ word }) => word.startsWith(current)) };
}

/** The epochs where only one gang can be meant, else the gangs. */
async function gangsOrEpochs(
  client: CoordinatorClient,
  current: string,
  signal: AbortSignal,
): Promise<Found> {
  const found = await gangs(client, current, signal);
  const [only, another] = found;
  if (only !== undefined && another === undefined) return epochs(client, `${only.word}@`, signal);
  return { words: found.map(({ word, says }) => ({ word: `${word}@`, says })), isOpenEnded: true };
}

/** Behind the last comma of a list. */
async function nodes(client: CoordinatorClient, current: string, signal: AbortSignal): Promise<Candidate[]> {
  const before = current.slice(0, current.lastIndexOf(',') + 1);
  const taken = new Set(before.split(','));
  const found = await client.listNodes({ signal });
  return found
    .filter(({ name }) => !taken.has(name) && `${before}${name}`.startsWith(current))
    .map(({ name, state }) => ({ word: `${before}${name}`, says: state }));
}
