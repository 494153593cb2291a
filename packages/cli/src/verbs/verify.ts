// `stillpoint verify`: reads and checks everything that is stored of an epoch.
import { parseEpochTarget } from '../arguments.ts';
import { count, formatBytes } from '../format/units.ts';
import type { Verb } from '../verb.ts';

export const verify: Verb = {
  name: 'verify',
  usage: 'NAME@EPOCH',
  summary: 'check that an epoch can be restored',
  examples: [{ line: 'stillpoint verify train@7', says: 'every stored byte of epoch 7' }],
  notes: ['Ends with 1 if something is wrong. JSON: {epoch, files, bytes, problems: [{file, problem}]}'],
  declare: (command, act) =>
    command.argument('<NAME@EPOCH>', 'the gang and the epoch').action(
      act(async (session, text: string) => {
        const { gang, epoch } = await parseEpochTarget(text, 'verify');
        const result = await session.perform({
          title: `verify ${text}`,
          call: (client, options) => client.verify(gang, epoch, options),
        });
        const amount = `${count(result.files, 'file')}, ${formatBytes(result.bytes)}`;
        if (result.problems.length === 0) {
          session.succeed(`epoch ${epoch} of ${gang} is as it was written: ${amount}`);
          session.print(result, '');
          return undefined;
        }
        const { colors } = session.look;
        const lines = result.problems.map(({ file, problem }) => `${colors.red(file)}: ${problem}`);
        session.print(result, lines.join('\n'));
        session.note(
          `${session.errorLook.colors.red('error:')} ${count(result.problems.length, 'problem')} in ${amount}: ` +
            `epoch ${epoch} of ${gang} can't be restored\n` +
            `${session.errorLook.unicode ? '→' : '->'} Restore another one: \`stillpoint epochs ${gang}\` lists them.`,
        );
        return 1;
      }),
    ),
};
