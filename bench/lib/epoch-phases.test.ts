// An epoch's time, split at the gang-wide waits and along its last member.
import { expect, test } from 'vitest';
import { phasesOf } from './epoch-phases.ts';

const span = (member: number, phase: string, startMs: number, endMs: number) => ({
  member,
  phase,
  startMs,
  endMs,
});

test('phases follow one another without a gap, up to the last release', () => {
  const { freezeStartMs, frozenMs, releasedMs, phases } = phasesOf({
    spans: [
      ...[span(0, 'freeze', 1000, 1004), span(1, 'freeze', 1001, 1006)],
      ...[span(0, 'hold', 1020, 1030), span(1, 'hold', 1021, 1040)],
      ...[span(0, 'note', 1042, 1050), span(1, 'note', 1045, 1060)],
      ...[span(0, 'dump', 1060, 1300), span(1, 'dump', 1061, 1200)],
      ...[span(0, 'check', 1300, 1310), span(1, 'check', 1200, 1206)],
      ...[span(0, 'release', 1311, 1320), span(1, 'release', 1207, 1215)],
    ],
  });
  expect({ freezeStartMs, frozenMs, releasedMs }).toEqual({
    freezeStartMs: 1000,
    frozenMs: 1006,
    releasedMs: 1320,
  });
  expect(phases).toEqual({ freeze: 6, hold: 34, note: 20, dump: 240, check: 10, release: 10 });
});

test('an epoch that was aborted has no such account', () => {
  expect(() => phasesOf({ spans: [span(0, 'freeze', 1, 2)] })).toThrow(/no span of release/);
});
