// `stillpoint migrate`: moves the members of a gang away from a node.
import { afterGangVerb } from '../aftermath.ts';
import { gangName, nodeName } from '../arguments.ts';
import type { Verb } from '../verb.ts';
import { sayWhereItRuns } from './placement.ts';

interface MigrateOptions {
  readonly from: string;
  readonly onto?: string;
}

export const migrate: Verb = {
  name: 'migrate',
  usage: 'NAME --from NODE [--onto NODE]',
  summary: 'move members away from a node',
  examples: [
    { line: 'stillpoint migrate train --from n2', says: 'to whichever node has room' },
    { line: 'stillpoint migrate train --from n2 --onto n5', says: 'to n5' },
  ],
  notes: [
    'The gang is checkpointed, stopped and restored as a whole: where its other members run does not change.',
    'JSON: {name, epoch, incarnation, durationMs, placement: [{member, node, ipv4, ipv6}]}',
  ],
  declare: (command, act) =>
    command
      .argument('<NAME>', 'the gang')
      .requiredOption('--from <NODE>', 'the node that its members leave')
      .option('--onto <NODE>', 'the node that they go to')
      .action(
        act(async (session, name: string, options: MigrateOptions) => {
          const gang = await gangName(name, 'migrate');
          const from = await nodeName(options.from, 'migrate');
          const onto = options.onto === undefined ? {} : { onto: await nodeName(options.onto, 'migrate') };
          const result = await session.perform({
            title: `migrate ${gang}`,
            aftermath: afterGangVerb(gang, 'migration'),
            call: (client, options_) => client.migrate(gang, { from, ...onto }, options_),
          });
          sayWhereItRuns(session, result, `moved away from ${from}`);
          return undefined;
        }),
      ),
};
