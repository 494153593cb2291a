// Which pieces of which log files make up a gang's current timeline. Pure.
import type { GangLogs, LogSegment } from './api.ts';

/** One run of a gang, as far as its logs go. */
export interface LoggedIncarnation {
  readonly incarnation: number;
  /** Where it goes on: at the cut of an epoch of an earlier incarnation. */
  readonly from?: {
    readonly incarnation: number;
    readonly cut: readonly MemberCut[];
  };
}

/** How much of a member's output, in the files of the epoch's incarnation, belongs to the cut. */
interface MemberCut {
  readonly member: number;
  readonly stdoutBytes: number;
  readonly stderrBytes: number;
}

export type LogPaths = (
  incarnation: number,
  member: number,
) => { readonly stdout: string; readonly stderr: string };

/**
 * The pieces in the order of the timeline: an incarnation that was restored goes on where the cut was, so what its
 * predecessor wrote after the cut belongs to another timeline.
 *
 * @param isLive whether the current incarnation may still write
 */
export function logSegments(
  members: number,
  current: number,
  incarnations: readonly LoggedIncarnation[],
  paths: LogPaths,
  isLive: boolean,
): GangLogs['ranks'] {
  const chain = timelineOf(current, incarnations);
  return Array.from({ length: members }, (_, rank) => ({
    rank,
    segments: (['stdout', 'stderr'] as const).flatMap((stream) =>
      chain.map(({ incarnation, cut }): LogSegment => {
        const path = paths(incarnation, rank)[stream];
        if (cut === undefined) return { stream, path, fromBytes: 0, live: isLive };
        const own = cut.find(({ member }) => member === rank);
        const toBytes = stream === 'stdout' ? own?.stdoutBytes : own?.stderrBytes;
        return { stream, path, fromBytes: 0, toBytes: toBytes ?? 0, live: false };
      }),
    ),
  }));
}

interface Stretch {
  readonly incarnation: number;
  /** Where the next stretch begins; absent for the last. */
  readonly cut?: readonly MemberCut[];
}

function timelineOf(current: number, incarnations: readonly LoggedIncarnation[]): Stretch[] {
  const byNumber = new Map(incarnations.map((each) => [each.incarnation, each]));
  const chain: Stretch[] = [{ incarnation: current }];
  // an incarnation goes on from an earlier one only, so the walk ends
  for (let at = byNumber.get(current); at?.from !== undefined; at = byNumber.get(at.from.incarnation)) {
    if (at.from.incarnation >= at.incarnation)
      throw new Error(`incarnation ${at.incarnation} goes on from a later one`);
    chain.unshift({ incarnation: at.from.incarnation, cut: at.from.cut });
  }
  return chain;
}
