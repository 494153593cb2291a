// `stillpoint stop`: ends a gang.
import { afterGangVerb } from '../aftermath.ts';
import { gangName } from '../arguments.ts';
import type { Verb } from '../verb.ts';

export const stop: Verb = {
  name: 'stop',
  usage: 'NAME',
  summary: 'end a gang',
  examples: [
    { line: 'stillpoint stop train', says: 'kill its members; its epochs stay' },
    { line: 'stillpoint checkpoint train --stop', says: 'rather lose nothing' },
  ],
  notes: ['What was done since the last epoch is lost. JSON: {name, state}'],
  declare: (command, act) =>
    command.argument('<NAME>', 'the gang').action(
      act(async (session, name: string) => {
        const gang = await gangName(name, 'stop');
        const state = await session.perform({
          title: `stop ${gang}`,
          aftermath: afterGangVerb(gang, 'stop'),
          call: async (client, options) => {
            await client.stop(gang, options);
            return (await client.showGang(gang)).state;
          },
        });
        session.succeed(`${gang} is ${state}`);
        session.print({ name: gang, state }, '');
        return undefined;
      }),
    ),
};
