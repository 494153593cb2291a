// What became of a verb that was interrupted: the coordinator gives up what is not decided, and is asked about it.
import { setTimeout as delay } from 'node:timers/promises';
import type { CoordinatorClient } from '@stillpoint/coordinator';
import { limits } from './limits.ts';
import type { Aftermath } from './session.ts';

/** Looks until there is a verdict, for a bounded time. */
async function until(look: () => Promise<string | undefined>, otherwise: string): Promise<string> {
  const end = performance.now() + limits.aftermathDeadlineMs;
  for (;;) {
    let verdict: string | undefined;
    try {
      verdict = await look();
    } catch (error) {
      return `${otherwise} (${error instanceof Error ? error.message : String(error)})`;
    }
    if (verdict !== undefined) return verdict;
    if (performance.now() > end) return otherwise;
    await delay(limits.aftermathPollMs);
  }
}

/** @param epoch the newest epoch that was heard of; a number that is only known once progress came */
export function afterCheckpoint(gang: string, epoch: () => number | undefined): Aftermath {
  return (client) => {
    const number = epoch();
    if (number === undefined) return Promise.resolve(`no epoch of "${gang}" was begun that was heard of`);
    return until(
      () => verdictOfEpoch(client, gang, number),
      `epoch ${number} of "${gang}" is being given up; see \`stillpoint epochs ${gang}\``,
    );
  };
}

async function verdictOfEpoch(
  client: CoordinatorClient,
  gang: string,
  epoch: number,
): Promise<string | undefined> {
  const found = (await client.listEpochs(gang)).find((each) => each.epoch === epoch);
  switch (found?.state) {
    case 'aborted':
      return `epoch ${epoch} was given up; "${gang}" runs on`;
    case 'committed':
      return `epoch ${epoch} was decided before that, and is being stored without you`;
    case 'published':
      return `epoch ${epoch} was published before that; it can be restored`;
    case 'lost':
    case 'removed':
      return `epoch ${epoch} is ${found.state}`;
    case 'open':
    case undefined:
      return undefined;
  }
}

/** After a start, restore, migration or stop: the state in which the gang is then. */
export function afterGangVerb(gang: string, what: string): Aftermath {
  return (client) =>
    until(
      () => verdictOfGang(client, gang, what),
      `the ${what} of "${gang}" is being given up; see \`stillpoint show ${gang}\``,
    );
}

async function verdictOfGang(
  client: CoordinatorClient,
  gang: string,
  what: string,
): Promise<string | undefined> {
  const found = (await client.listGangs()).find(({ name }) => name === gang);
  if (found === undefined) return `the ${what} was given up; there is no gang "${gang}"`;
  switch (found.state) {
    case 'starting':
    case 'restoring':
    case 'stopping':
      return undefined;
    case 'running':
      return `"${gang}" is running (incarnation ${found.incarnation})`;
    case 'stopped':
    case 'completed':
    case 'failed':
      return `"${gang}" is ${found.state}`;
  }
}
