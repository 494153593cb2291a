// `stillpoint restore`: brings a gang back as it was at an epoch.
import { afterGangVerb } from '../aftermath.ts';
import { nodeNames, parseTarget } from '../arguments.ts';
import type { Verb } from '../verb.ts';
import { filesOption, type PolicyOptions } from './policies.ts';
import { sayWhereItRuns } from './placement.ts';

interface RestoreOptions extends Pick<PolicyOptions, 'files'> {
  readonly onto?: string;
}

export const restore: Verb = {
  name: 'restore',
  usage: 'NAME[@EPOCH] [--onto NODE,...]',
  summary: 'bring a gang back',
  examples: [
    { line: 'stillpoint restore train', says: 'from its newest epoch, onto the nodes it was on' },
    { line: 'stillpoint restore train@7 --onto n4,n5,n6', says: 'from epoch 7, onto other nodes' },
    { line: 'stillpoint restore train@7 --onto n4', says: 'all members on one node' },
  ],
  notes: [
    'What runs of the gang is killed, but only after every target has passed its checks. All members come back or none;',
    'it never starts anew instead. Ctrl-C gives the restore up until its members are let go.',
    'JSON: {name, epoch, incarnation, durationMs, placement: [{member, node, ipv4, ipv6}]}',
  ],
  declare: (command, act) =>
    command
      .argument('<NAME[@EPOCH]>', 'the gang, and the epoch unless it is the newest published one')
      .option('--onto <NODE,...>', 'nodes to spread the members over')
      .addOption(filesOption('when their content is no longer that of the epoch'))
      .action(
        act(async (session, text: string, options: RestoreOptions) => {
          const { gang, epoch } = await parseTarget(text, 'restore');
          const onto = options.onto === undefined ? undefined : await nodeNames(options.onto, 'restore');
          const result = await session.perform({
            title: `restore ${text}`,
            aftermath: afterGangVerb(gang, 'restore'),
            call: (client, options_) =>
              client.restore(
                gang,
                {
                  ...(epoch === undefined ? {} : { epoch }),
                  ...(onto === undefined ? {} : { onto }),
                  ...(options.files === undefined ? {} : { files: options.files }),
                },
                options_,
              ),
          });
          sayWhereItRuns(session, result, `restored from epoch ${result.epoch}`);
          return undefined;
        }),
      ),
};
