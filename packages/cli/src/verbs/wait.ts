// `stillpoint wait`: until a gang has ended, with its exit code.
import { gangName } from '../arguments.ts';
import type { Verb } from '../verb.ts';

export const wait: Verb = {
  name: 'wait',
  usage: 'NAME',
  summary: "end with the gang's exit code",
  examples: [
    { line: 'stillpoint wait train', says: 'until "train" has ended, over restores too' },
    { line: 'stillpoint wait train && echo trained', says: '' },
  ],
  notes: ['Ctrl-C ends the waiting, not the gang. JSON: {state, exitCode, reason}'],
  declare: (command, act) =>
    command.argument('<NAME>', 'the gang').action(
      act(async (session, name: string) => {
        const gang = await gangName(name, 'wait');
        const ended = await session.persevere((client) => client.wait(gang, { signal: session.signal }));
        const reason = ended.reason === undefined ? '' : `: ${ended.reason}`;
        if (!session.json) session.note(`${gang} is ${ended.state} (${ended.exitCode})${reason}`);
        session.print(ended, '');
        return ended.exitCode;
      }),
    ),
};
