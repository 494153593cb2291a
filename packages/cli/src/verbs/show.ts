// `stillpoint show`: one gang.
import { gangName } from '../arguments.ts';
import type { Verb } from '../verb.ts';

export const show: Verb = {
  name: 'show',
  usage: 'NAME',
  summary: 'one gang with its members, nodes, addresses and last epochs',
  examples: [{ line: 'stillpoint show train', says: 'everything about the gang "train"' }],
  notes: ['JSON: the gang as in `ps`, with {cwd, outside, files, members: [...], epochs: [...]}'],
  declare: (command, act) =>
    command.argument('<NAME>', 'the gang').action(
      act(async (session, name: string) => {
        const gang = await gangName(name, 'show');
        const detail = await (await session.client()).showGang(gang, { signal: session.signal });
        const { formatGang } = await import('../format/gangs.ts');
        session.print(detail, formatGang(detail, session.io.now(), session.look));
        return undefined;
      }),
    ),
};
