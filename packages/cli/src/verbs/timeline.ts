// `stillpoint timeline`: an epoch drawn, per member and phase.
import { parseEpochTarget } from '../arguments.ts';
import type { Verb } from '../verb.ts';

export const timeline: Verb = {
  name: 'timeline',
  usage: 'NAME@EPOCH',
  summary: 'an epoch, per member and phase, drawn',
  examples: [
    { line: 'stillpoint timeline train@7', says: 'where the time went, and who held the others up' },
  ],
  notes: [
    'JSON: the epoch as in `epochs`, with {members, spans: [{member, phase, startMs, endMs}], phases, decision}',
  ],
  declare: (command, act) =>
    command.argument('<NAME@EPOCH>', 'the gang and the epoch').action(
      act(async (session, text: string) => {
        const { gang, epoch } = await parseEpochTarget(text, 'timeline');
        const found = await (await session.client()).timeline(gang, epoch, { signal: session.signal });
        const { formatTimeline } = await import('../format/timeline.ts');
        session.print(found, formatTimeline(gang, found, session.look));
        return undefined;
      }),
    ),
};
