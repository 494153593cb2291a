// `stillpoint epochs`: all epochs of a gang.
import { gangName } from '../arguments.ts';
import type { Verb } from '../verb.ts';

export const epochs: Verb = {
  name: 'epochs',
  usage: 'NAME',
  summary: 'the epochs of a gang: when, why, state, stall, bytes',
  examples: [{ line: 'stillpoint epochs train', says: 'every checkpoint of "train", oldest first' }],
  notes: [
    'STALL is the longest time that a member stood still. RAW is what CRIU wrote, STORED what the vault keeps.',
    'JSON: {"epochs": [{epoch, incarnation, outcome, trigger, state, stallMs, bytes: {raw, nonZero, stored}, ...}]}',
  ],
  declare: (command, act) =>
    command.argument('<NAME>', 'the gang').action(
      act(async (session, name: string) => {
        const gang = await gangName(name, 'epochs');
        const found = await (await session.client()).listEpochs(gang, { signal: session.signal });
        const { formatEpochs } = await import('../format/epochs.ts');
        const text =
          found.length === 0
            ? `"${gang}" has no epoch yet. \`stillpoint checkpoint ${gang}\` takes one.`
            : formatEpochs(found, session.io.now(), session.look);
        session.print({ epochs: found }, text);
        return undefined;
      }),
    ),
};
