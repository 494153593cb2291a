// `pnpm explore`: visits every state that a small gang can come to, in any order of events and with a few faults.
import { parseArgs } from 'node:util';
import { switchOn } from './mutate.ts';
import { mutations } from './mutations.ts';

const usage = `Usage: pnpm explore [--scenario NAME] [--members N] [--nodes N] [--faults N] [--fault PATTERN] [--depth D] [--states MAX] [--mutation NAME]

Visits every state of the protocol's real machines that a small gang can come to: all that was ever sent may arrive in
any order, again, or never, and up to N faults happen anywhere. Says how many different states there are, and whether
these are all. Ends with 1 when something is found that must never be; the shortest way there is printed.

  --scenario NAME   resume, stop or restore (default: each)
  --members N       how many members (default: 2)
  --nodes N         how many nodes they are placed on in turn (default: one each)
  --faults N        how many faults at most (default: 1)
  --fault PATTERN   only faults whose line in a trace has that, as a regular expression
  --depth D         goes no further than D events (default: no bound)
  --states MAX      ends when so many states were found (default: 2000000)
  --mutation NAME   puts a deliberate error into the protocol first, one of \`pnpm sim\`
`;

interface Arguments {
  readonly scenario: string | undefined;
  readonly mutation: string | undefined;
  readonly members: number;
  readonly nodes: number;
  readonly faults: { readonly most: number; readonly pattern: RegExp };
  readonly bounds: { readonly depthMax: number; readonly statesMax: number };
}

/** @throws when they are none */
function readArguments(): Arguments | undefined {
  const { values } = parseArgs({
    options: {
      scenario: { type: 'string' },
      members: { type: 'string', default: '2' },
      nodes: { type: 'string' },
      faults: { type: 'string', default: '1' },
      fault: { type: 'string', default: '' },
      depth: { type: 'string' },
      states: { type: 'string', default: '2000000' },
      mutation: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const { scenario, mutation } = values;
  if (mutation !== undefined && !mutations.some(({ name }) => name === mutation))
    throw new Error(`there is no mutation ${mutation}`);
  const members = readNumber(values.members, 'members', 1);
  return {
    scenario,
    mutation,
    members,
    nodes: readNumber(values.nodes ?? String(members), 'nodes', 1),
    faults: { most: readNumber(values.faults, 'faults', 0), pattern: new RegExp(values.fault) },
    bounds: {
      depthMax: values.depth === undefined ? Infinity : readNumber(values.depth, 'depth', 1),
      statesMax: readNumber(values.states, 'states', 1),
    },
  };
}

function readNumber(text: string, name: string, least: number): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < least)
    throw new Error(`--${name} ${text} is not a number from ${least} on`);
  return value;
}

async function main(): Promise<void> {
  let settings: Arguments | undefined;
  try {
    settings = readArguments();
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`);
    process.exitCode = 2;
    return;
  }
  if (settings === undefined) {
    console.log(usage);
    return;
  }
  const { scenario, mutation, ...size } = settings;
  if (mutation !== undefined) switchOn(mutation);
  // what is to be mutated must not be loaded before
  const { scenarios, tellExploration } = await import('./explore/scenarios.ts');
  const chosen = scenarios.filter(({ name }) => scenario === undefined || name === scenario);
  if (chosen.length === 0) {
    const names = scenarios.map(({ name }) => name).join(', ');
    console.error(`there is no scenario ${scenario}; there are ${names}\n\n${usage}`);
    process.exitCode = 2;
  }
  for (const each of chosen)
    if (!tellExploration(each, size, (line) => console.log(line))) process.exitCode = 1;
}

await main();
