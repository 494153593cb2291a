// The rows of a timeline's charts: a few members one by one; of more, all together, and the straggler beside them. Pure.
import type { Timeline } from '@stillpoint/coordinator';
import { limits } from '../limits.ts';
import { median, phaseTimes, type Span } from './timeline-findings.ts';
import { count, formatMs } from './units.ts';

export interface Row {
  readonly label: string;
  readonly phase: string;
  readonly spans: readonly Span[];
  readonly time: string;
}

type Member = Timeline['members'][number];

/** Whether members are too many to be drawn one by one. */
export const areTooMany = (members: readonly Member[]): boolean => members.length > limits.timelineMembersMax;

/** @param straggler drawn on its own also where the others are not */
export function rowsOf(
  spans: readonly Span[],
  members: readonly Member[],
  straggler: number | undefined,
): Row[] {
  if (!areTooMany(members)) return members.flatMap((member) => memberRows(spans, member));
  const alone = members.filter(({ member }) => member === straggler);
  return [...gangRows(spans, members), ...alone.flatMap((member) => memberRows(spans, member))];
}

function memberRows(spans: readonly Span[], { member, node }: Member): Row[] {
  const times = phaseTimes(spans, member);
  return [...times].map(([phase, ms], index) => ({
    label: index === 0 ? `member ${member} on ${node}` : '',
    phase,
    spans: spans.filter((span) => span.member === member && span.phase === phase),
    time: formatMs(ms),
  }));
}

/** From the first one's beginning to the last one's end, with the median and the longest time. */
function gangRows(spans: readonly Span[], members: readonly Member[]): Row[] {
  const times = members.map(({ member }) => phaseTimes(spans, member));
  const phases = [...new Set(spans.map(({ phase }) => phase))];
  return phases.map((phase, index) => {
    const took = times.flatMap((each) => each.get(phase) ?? []);
    const typical = formatMs(median(took));
    const longest = formatMs(Math.max(...took));
    return {
      label: index === 0 ? `all ${count(members.length, 'member')}` : '',
      phase,
      spans: spans.filter((span) => span.phase === phase),
      time: typical === longest ? typical : `${typical}, at most ${longest}`,
    };
  });
}
