// Puts what nodes say of their members on the coordinator's clock: each node's wall clock is its own, and may be wrong.
// A step begins after the coordinator has ordered it and ends before it goes on, which bounds how far a clock is off. Pure.
import type { Timeline } from '@stillpoint/coordinator';
import type { Span } from './timeline-findings.ts';
import { listed, formatMs } from './units.ts';

/** The coordinator's phase in which a step is ordered, and the one that it enters once all members have taken it. */
const ordered: Readonly<Record<string, string>> = {
  preflight: 'preflight',
  freeze: 'freeze',
  hold: 'hold',
  note: 'note',
  dump: 'note',
  check: 'note',
  persist: 'persist',
};
const answered: Readonly<Record<string, string>> = {
  preflight: 'freeze',
  freeze: 'hold',
  hold: 'note',
  note: 'dump',
  persist: 'forget',
};

/** Clocks are read in whole milliseconds, at both ends. */
const slackMs = 2;

export interface PlacedSpans {
  readonly spans: readonly Span[];
  /** What people have to know of the clocks. */
  readonly notes: readonly string[];
}

interface Bounded {
  readonly span: Span;
  readonly fromMs: number;
  readonly toMs: number;
}

/** The spans as the coordinator's clock would have shown them, as far as that can be known. */
export function onOneClock(timeline: Timeline): PlacedSpans {
  const nodeOf = new Map(timeline.members.map(({ member, node }) => [member, node]));
  const boundsOf = makeBounds(timeline);
  const byNode = new Map<string, Bounded[]>();
  for (const span of timeline.spans) {
    const node = nodeOf.get(span.member) ?? '';
    byNode.set(node, [...(byNode.get(node) ?? []), { span, ...boundsOf(span) }]);
  }
  const [ahead, behind, unsteady]: [string[], string[], string[]] = [[], [], []];
  const spans = [...byNode].flatMap(([node, bounded]) => {
    const offMs = clockError(bounded);
    if (offMs === undefined) {
      unsteady.push(node);
      return bounded.map(intoBounds);
    }
    if (offMs !== 0) (offMs > 0 ? ahead : behind).push(`${node} by ${formatMs(Math.abs(offMs))}`);
    return bounded.map(({ span }) => ({ ...span, startMs: span.startMs - offMs, endMs: span.endMs - offMs }));
  });
  const notes = [
    ...(ahead.length === 0
      ? []
      : [`Clocks ahead of the coordinator's: about ${some(ahead)}. Drawn put right.`]),
    ...(behind.length === 0
      ? []
      : [`Clocks behind the coordinator's: about ${some(behind)}. Drawn put right.`]),
    ...(unsteady.length === 0
      ? []
      : [
          `Clocks that were set meanwhile: ${some(unsteady)}. Times there are as near as the coordinator's phases tell.`,
        ]),
  ];
  return { spans: spans.toSorted((a, b) => a.startMs - b.startMs), notes };
}

/** Notes name a few nodes, and count the rest. */
const namedMax = 4;
const some = (names: readonly string[]): string =>
  names.length <= namedMax
    ? listed(names)
    : `${names.slice(0, namedMax).join(', ')} and ${names.length - namedMax} more`;

/** Between what moments of the coordinator's clock a span must lie. */
function makeBounds({
  phases,
  startedAtMs,
  finishedAtMs = Infinity,
}: Timeline): (span: Span) => Omit<Bounded, 'span'> {
  const entered = new Map<string, number>();
  // a successor that took the epoch up has not seen when it was ordered what
  const isWhole = phases[0]?.phase === 'preflight';
  for (const { phase, atMs } of isWhole ? phases : []) if (!entered.has(phase)) entered.set(phase, atMs);
  return ({ phase }) => ({
    fromMs: entered.get(ordered[phase] ?? '') ?? startedAtMs,
    toMs: entered.get(answered[phase] ?? '') ?? finishedAtMs,
  });
}

/** How far a node's clock is ahead, in ms: 0 where it may be right, undefined where no one number fits. */
function clockError(bounded: readonly Bounded[]): number | undefined {
  if (bounded.some(({ span }) => span.endMs < span.startMs)) return undefined;
  const least = Math.max(...bounded.map(({ span, toMs }) => span.endMs - toMs)) - slackMs;
  const most = Math.min(...bounded.map(({ span, fromMs }) => span.startMs - fromMs)) + slackMs;
  if (least > most) return undefined;
  if (least <= 0 && most >= 0) return 0;
  return Number.isFinite(least) ? (least + most) / 2 : most;
}

/** As long as it says, as far as there is room. */
function intoBounds({ span, fromMs, toMs }: Bounded): Span {
  const roomMs = Math.max(0, toMs - fromMs);
  const lengthMs = Math.min(Math.max(0, span.endMs - span.startMs), roomMs);
  const startMs = Math.min(Math.max(span.startMs, fromMs), fromMs + roomMs - lengthMs);
  return { ...span, startMs, endMs: startMs + lengthMs };
}
