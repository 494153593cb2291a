// `stillpoint ps`: the gangs.
import type { Verb } from '../verb.ts';

export const ps: Verb = {
  name: 'ps',
  summary: 'the gangs',
  examples: [
    { line: 'stillpoint ps', says: 'every gang, its state and its newest epoch' },
    { line: "stillpoint ps --json | jq '.gangs[].name'", says: 'their names' },
  ],
  notes: ['JSON: {"gangs": [{name, state, ranks, nodes, incarnation, lastPublishedEpoch, ...}]}'],
  declare: (command, act) =>
    command.action(
      act(async (session) => {
        const gangs = await (await session.client()).listGangs({ signal: session.signal });
        const { formatGangs } = await import('../format/gangs.ts');
        const text =
          gangs.length === 0
            ? 'No gangs yet. `stillpoint run NAME --ranks N -- CMD` starts one.'
            : formatGangs(gangs, session.io.now(), session.look);
        session.print({ gangs }, text);
        return undefined;
      }),
    ),
};
