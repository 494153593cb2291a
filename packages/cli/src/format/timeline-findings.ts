// What an epoch's spans say: which member held the others up, and which phase cost most. Pure.
import type { Timeline } from '@stillpoint/coordinator';
import type { Stretch } from './bars.ts';

export type Span = Timeline['spans'][number];

/** Steps of an agent during which its member stands still. */
const stillPhases = new Set(['freeze', 'drain', 'hold', 'note', 'dump', 'check', 'release', 'kill']);

export const isStill = (span: Span): boolean => stillPhases.has(span.phase);

/** From the first start to the last end; undefined without spans. */
export function windowOf(stretches: readonly Stretch[]): Stretch | undefined {
  if (stretches.length === 0) return undefined;
  return {
    startMs: Math.min(...stretches.map(({ startMs }) => startMs)),
    endMs: Math.max(...stretches.map(({ endMs }) => endMs)),
  };
}

export interface Costliest {
  readonly phase: string;
  readonly member: number;
  readonly ms: number;
  /** Of the time that this member stood still. */
  readonly share: number;
}

/** The longest phase of any member while it stood still. */
export function costliestPhase(spans: readonly Span[]): Costliest | undefined {
  const still = spans.filter(isStill);
  let found: Costliest | undefined;
  for (const member of membersOf(still)) {
    const stoodMs = stoodStillMs(still, member);
    for (const [phase, ms] of phaseTimes(still, member)) {
      if (found === undefined || ms > found.ms)
        found = { phase, member, ms, share: stoodMs === 0 ? 0 : ms / stoodMs };
    }
  }
  return found;
}

export interface Straggler {
  readonly member: number;
  /** All its steps while members stood still: not what it waited for others. */
  readonly ms: number;
  /** Median of the other members. */
  readonly othersMs: number;
  /** Where it lost most against the others. */
  readonly phase: { readonly name: string; readonly ms: number; readonly othersMs: number };
}

/** How much longer than the others' median a member's steps must take for it to be called a straggler. */
const stragglerFactor = 1.1;
const stragglerMs = 5;

/** The member that the others waited for: whose own steps took longest, if it stands out. */
export function findStraggler(spans: readonly Span[]): Straggler | undefined {
  const still = spans.filter(isStill);
  const members = membersOf(still).map((member) => ({ member, ms: workMs(still, member) }));
  const slowest = members.toSorted((a, b) => b.ms - a.ms)[0];
  if (slowest === undefined || members.length < 2) return undefined;
  const others = members.filter(({ member }) => member !== slowest.member);
  const othersMs = median(others.map(({ ms }) => ms));
  if (slowest.ms < othersMs * stragglerFactor || slowest.ms < othersMs + stragglerMs) return undefined;
  const otherTimes = others.map(({ member }) => phaseTimes(still, member));
  const phases = [...phaseTimes(still, slowest.member)].map(([name, ms]) => ({
    name,
    ms,
    othersMs: median(otherTimes.map((times) => times.get(name) ?? 0)),
  }));
  const phase = phases.toSorted((a, b) => b.ms - b.othersMs - (a.ms - a.othersMs))[0];
  return phase === undefined ? undefined : { ...slowest, othersMs, phase };
}

function membersOf(spans: readonly Span[]): number[] {
  return [...new Set(spans.map(({ member }) => member))].toSorted((a, b) => a - b);
}

function stoodStillMs(spans: readonly Span[], member: number): number {
  const window = windowOf(spans.filter((span) => span.member === member));
  return window === undefined ? 0 : window.endMs - window.startMs;
}

const workMs = (spans: readonly Span[], member: number): number =>
  [...phaseTimes(spans, member).values()].reduce((sum, ms) => sum + ms, 0);

/** How long a member was at each phase, in the order in which it came to them. */
export function phaseTimes(spans: readonly Span[], member: number): Map<string, number> {
  const times = new Map<string, number>();
  for (const span of spans) {
    if (span.member === member)
      times.set(span.phase, (times.get(span.phase) ?? 0) + span.endMs - span.startMs);
  }
  return times;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? 0;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}
