// `stillpoint logs`: what the members wrote, on the gang's current timeline.
import { gangName, wholeNumber } from '../arguments.ts';
import type { Verb } from '../verb.ts';

interface LogsOptions {
  readonly rank?: string;
  readonly follow?: true;
}

export const logs: Verb = {
  name: 'logs',
  usage: 'NAME [--rank R] [-f]',
  summary: 'what the members wrote',
  examples: [
    { line: 'stillpoint logs train', says: 'of all members, each line behind its rank' },
    { line: 'stillpoint logs train --rank 0 -f', says: 'of one, until the gang ends, over restores too' },
  ],
  notes: [
    "A member's standard output goes to stdout, its standard error to stderr. What was written after the cut that the",
    'gang was restored from belongs to another timeline and is left out. Ctrl-C ends the following, not the gang.',
    'JSON: one line for each line: {rank, stream, text}',
  ],
  declare: (command, act) =>
    command
      .argument('<NAME>', 'the gang')
      .option('--rank <R>', 'of this member only')
      .option('-f, --follow', 'go on until the gang ends')
      .action(
        act(async (session, name: string, options: LogsOptions) => {
          const gang = await gangName(name, 'logs');
          const { coordinatorLimits } = await import('@stillpoint/coordinator');
          const rank = rankOf(options, coordinatorLimits.membersMax);
          const { signal } = session;
          const found = await session.persevere((client) => client.logs(gang, { signal }));
          rankOf(options, found.ranks.length);
          if (options.follow === true) {
            const { followToEnd } = await import('../logs/follow-verb.ts');
            await followToEnd(session, gang, rank);
            return undefined;
          }
          const { GangOutput } = await import('../logs/gang-output.ts');
          const { io, look, json } = session;
          const output = new GangOutput({
            stdout: io.stdout,
            stderr: io.stderr,
            look,
            json,
            signal,
            ...(rank === undefined ? {} : { rank }),
          });
          await output.writeNew(found);
          output.end();
          return undefined;
        }),
      ),
};

/** @throws `SP_USAGE` unless it is one of so many */
const rankOf = ({ rank }: LogsOptions, ranks: number): number | undefined =>
  rank === undefined ? undefined : wholeNumber(rank, '--rank', { min: 0, max: ranks - 1 }, 'logs');
