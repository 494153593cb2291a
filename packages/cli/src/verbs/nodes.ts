// `stillpoint nodes` and `stillpoint node add|drain|kill`.
import { nodeName, wholeNumber } from '../arguments.ts';
import { count, listed } from '../format/units.ts';
import type { Verb } from '../verb.ts';

export const nodes: Verb = {
  name: 'nodes',
  summary: 'the nodes',
  examples: [{ line: 'stillpoint nodes', says: 'every node and the members on it' }],
  notes: ['JSON: {"nodes": [{name, state, schedulable, members: [{gang, member}], ...}]}'],
  declare: (command, act) =>
    command.action(
      act(async (session) => {
        const found = await (await session.client()).listNodes({ signal: session.signal });
        const { formatNodes } = await import('../format/nodes.ts');
        const text =
          found.length === 0
            ? 'No nodes yet. `stillpoint node add NAME` adds one; `stillpoint run` adds those that it needs.'
            : formatNodes(found, session.look);
        session.print({ nodes: found }, text);
        return undefined;
      }),
    ),
};

/** A clock may be off by this at most, in seconds: about 31 years. */
const offsetSecondsMax = 1_000_000_000;

export const nodeAdd: Verb = {
  name: 'node add',
  usage: 'NODE',
  summary: 'add a node, or bring one back that was killed or drained',
  examples: [
    { line: 'stillpoint node add n4', says: 'another virtual node on this machine' },
    { line: 'stillpoint node add n5 --clock-offset 86400', says: 'whose monotonic clock is a day ahead' },
  ],
  notes: ['JSON: the node as in `nodes`'],
  declare: (command, act) =>
    command
      .argument('<NODE>', 'its name')
      .option('--clock-offset <SECONDS>', 'shift the monotonic clock of its members, as on another machine')
      .action(
        act(async (session, text: string, options: { readonly clockOffset?: string }) => {
          const name = await nodeName(text, 'node add');
          const offset =
            options.clockOffset === undefined
              ? {}
              : { monotonicOffsetSeconds: clockOffset(options.clockOffset) };
          const client = await session.client();
          const node = await client.addNode({ name, ...offset }, { signal: session.signal });
          session.succeed(`node ${node.name} is ${node.state}`);
          session.print(node, '');
          return undefined;
        }),
      ),
};

function clockOffset(text: string): number {
  const sign = text.startsWith('-') ? -1 : 1;
  const digits = sign === -1 ? text.slice(1) : text;
  return sign * wholeNumber(digits, '--clock-offset', { min: 0, max: offsetSecondsMax }, 'node add');
}

export const nodeDrain: Verb = {
  name: 'node drain',
  usage: 'NODE',
  summary: 'take a node out of use and move its members elsewhere',
  examples: [{ line: 'stillpoint node drain n2', says: 'every gang on it is migrated' }],
  notes: ['`stillpoint node add` takes it into use again. JSON: {node, moved: [gang, ...]}'],
  declare: (command, act) =>
    command.argument('<NODE>', 'its name').action(
      act(async (session, text: string) => {
        const name = await nodeName(text, 'node drain');
        const result = await session.perform({
          title: `drain ${name}`,
          aftermath: () =>
            Promise.resolve(
              `the node is out of use until \`stillpoint node add ${name}\`; gangs that have moved stay where they are`,
            ),
          call: (client, options) => client.drainNode(name, options),
        });
        const moved =
          result.moved.length === 0
            ? 'nothing had to move'
            : `moved ${count(result.moved.length, 'gang')}: ${listed(result.moved)}`;
        session.succeed(`node ${name} is out of use; ${moved}`);
        session.print(result, '');
        return undefined;
      }),
    ),
};

export const nodeKill: Verb = {
  name: 'node kill',
  usage: 'NODE',
  summary: 'kill everything on a node at once, as a power cut would',
  examples: [
    { line: 'stillpoint node kill n2', says: 'to see a gang survive it' },
    { line: 'stillpoint node kill n2 --machine-is-off', says: 'after its machine was lost' },
  ],
  notes: [
    'Gangs with members on it fail, and can be restored onto other nodes. Where nodes are machines, the agent ends its',
    'members; one that does not answer can not, and nothing is restored until it did, or until you say that its machine is',
    'off: members that run on would meet their own successors. JSON: {node, state}',
  ],
  declare: (command, act) =>
    command
      .argument('<NODE>', 'its name')
      .option('--machine-is-off', 'you have made sure that nothing of it runs any more')
      .action(
        act(async (session, text: string, options: { readonly machineIsOff?: boolean }) => {
          const name = await nodeName(text, 'node kill');
          const isOff = options.machineIsOff === true;
          await (await session.client()).killNode(name, { isOff }, { signal: session.signal });
          session.succeed(`node ${name} is killed`);
          session.print({ node: name, state: 'killed' }, '');
          return undefined;
        }),
      ),
};
