// Where the time of an epoch goes between the freeze and the first step after it: one phase after the other, each up
// to the member that is last. Pure.
import type { Timeline } from '@stillpoint/coordinator';

export interface EpochPhases {
  /** The first member began to be frozen, on the wall clock. */
  readonly freezeStartMs: number;
  /** All were frozen. */
  readonly frozenMs: number;
  /** The last one was let go. */
  readonly releasedMs: number;
  /** Durations in their order; their sum is the time from the freeze to the last release. */
  readonly phases: Readonly<Record<(typeof phaseNames)[number], number>>;
}

/** `to hold`, `to note`, …: from the end of the phase before, so the coordinator's rounds are in them. */
export const phaseNames = ['freeze', 'hold', 'note', 'dump', 'check', 'release'] as const;

export function phasesOf({ spans }: Pick<Timeline, 'spans'>): EpochPhases {
  const of = (phase: string, member?: number) =>
    spans.filter((span) => span.phase === phase && (member === undefined || span.member === member));
  const lastEnd = (phase: string, member?: number): number => {
    const ends = of(phase, member).map(({ endMs }) => endMs);
    if (ends.length === 0) throw new Error(`the timeline has no span of ${phase}`);
    return Math.max(...ends);
  };
  const freezeStartMs = Math.min(...of('freeze').map(({ startMs }) => startMs));
  const releasedMs = lastEnd('release');
  const last = of('release').find(({ endMs }) => endMs === releasedMs)?.member;
  // freeze, hold and note end for all together; from the dump on each member is on its own
  const marks = [
    freezeStartMs,
    lastEnd('freeze'),
    lastEnd('hold'),
    lastEnd('note'),
    lastEnd('dump', last),
    lastEnd('check', last),
    releasedMs,
  ];
  const durations = marks.slice(1).map((mark, index) => mark - (marks[index] ?? mark));
  const [freeze = 0, hold = 0, note = 0, dump = 0, check = 0, release = 0] = durations;
  return {
    freezeStartMs,
    frozenMs: lastEnd('freeze'),
    releasedMs,
    phases: { freeze, hold, note, dump, check, release },
  };
}
