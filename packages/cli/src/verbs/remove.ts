// `stillpoint rm`: removes a gang that has ended, or one of its epochs.
import { parseTarget } from '../arguments.ts';
import type { Verb } from '../verb.ts';

export const remove: Verb = {
  name: 'rm',
  usage: 'NAME[@EPOCH]',
  summary: 'remove a gang, or one of its epochs',
  examples: [
    { line: 'stillpoint rm train@7', says: 'epoch 7 alone' },
    { line: 'stillpoint rm train', says: 'the gang, which must have ended, with all its epochs and logs' },
  ],
  notes: ['There is no way back. JSON: {"removed": {gang, epoch}}'],
  declare: (command, act) =>
    command.argument('<NAME[@EPOCH]>', 'the gang, or one of its epochs').action(
      act(async (session, text: string) => {
        const { gang, epoch } = await parseTarget(text, 'rm');
        const client = await session.client();
        if (epoch === undefined) await client.removeGang(gang, { signal: session.signal });
        else await client.removeEpoch(gang, epoch, { signal: session.signal });
        session.succeed(`${epoch === undefined ? gang : `epoch ${epoch} of ${gang}`} is removed`);
        session.print({ removed: { gang, ...(epoch === undefined ? {} : { epoch }) } }, '');
        return undefined;
      }),
    ),
};
