// What the verbs that bring a gang up print in the end: where its members run.
import type { RestoreResult, RunResult } from '@stillpoint/coordinator';
import { formatPlacement } from '../format/gangs.ts';
import { count, formatMs, listed } from '../format/units.ts';
import type { Session } from '../session.ts';

/** Says it on stderr. @param how as in `train is restored from epoch 7` */
export function sayThatItRuns(session: Session, result: RunResult | RestoreResult, how: string): void {
  const nodes = [...new Set(result.placement.map(({ node }) => node))];
  const took = 'durationMs' in result ? ` in ${formatMs(result.durationMs)}` : '';
  const members = count(result.placement.length, 'member');
  session.succeed(`${result.name} is ${how}${took}: ${members} on ${listed(nodes)}`);
}

/** Says it, and prints each member's place. */
export function sayWhereItRuns(session: Session, result: RunResult | RestoreResult, how: string): void {
  sayThatItRuns(session, result, how);
  session.print(result, formatPlacement(result.placement, session.look));
}
