// `stillpoint checkpoint`: takes one, and prints its epoch's number alone on stdout.
import { Option } from 'commander';
import { afterCheckpoint } from '../aftermath.ts';
import { gangName } from '../arguments.ts';
import { formatCost } from '../format/epochs.ts';
import type { Verb } from '../verb.ts';
import { filesOption, outsideOption, type PolicyOptions } from './policies.ts';

interface CheckpointOptions extends PolicyOptions {
  readonly stop?: true;
  readonly wait: 'committed' | 'published';
}

export const checkpoint: Verb = {
  name: 'checkpoint',
  usage: 'NAME [--stop]',
  summary: "take a checkpoint, and print its epoch's number",
  examples: [
    { line: 'stillpoint checkpoint train', says: 'take one; "train" runs on' },
    { line: 'stillpoint checkpoint train --stop', says: 'take one and end the gang with it' },
    { line: 'EPOCH=$(stillpoint checkpoint train)', says: 'only the number is printed on stdout' },
  ],
  notes: [
    'Ctrl-C gives the checkpoint up, unless it is decided already; the gang runs on either way.',
    'JSON: the epoch as in `epochs`, with {retries}',
  ],
  declare: (command, act) =>
    command
      .argument('<NAME>', 'the gang')
      .option('--stop', 'end the gang once its state is safe')
      .addOption(
        new Option('--wait <UNTIL>', 'when the verb is done: once it is decided, or once it is stored')
          .choices(['committed', 'published'])
          .default('published'),
      )
      .addOption(outsideOption('for this epoch'))
      .addOption(filesOption('for this epoch'))
      .action(
        act(async (session, name: string, options: CheckpointOptions) => {
          const gang = await gangName(name, 'checkpoint');
          let epoch: number | undefined;
          const result = await session.perform({
            title: `checkpoint ${gang}`,
            aftermath: afterCheckpoint(gang, () => epoch),
            call: (client, { signal, onProgress }) =>
              client.checkpoint(
                gang,
                {
                  outcome: options.stop === true ? 'stop' : 'resume',
                  until: options.wait,
                  ...(options.outside === undefined ? {} : { outside: options.outside }),
                  ...(options.files === undefined ? {} : { files: options.files }),
                },
                {
                  signal,
                  onProgress: (progress) => {
                    epoch = progress.epoch ?? epoch;
                    onProgress(progress);
                  },
                },
              ),
          });
          const cost = formatCost(result, session.errorLook);
          session.succeed(
            `epoch ${result.epoch} of ${gang} is ${result.state}${cost === '' ? '' : `: ${cost}`}` +
              (result.retries === 0 ? '' : `, at attempt ${result.retries + 1}`),
          );
          session.print(result, String(result.epoch));
          return undefined;
        }),
      ),
};
