// The drawing of an epoch, and what is read off it.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lookOf, type Look, plainLook } from '../terminal.ts';
import { atMs } from '../testing/fake-coordinator.ts';
import { timeline } from '../testing/samples.ts';
import { drawAxis, drawBar } from './bars.ts';
import { formatTimeline } from './timeline.ts';
import { costliestPhase, findStraggler } from './timeline-findings.ts';

const terminal = (columns: number, env: Record<string, string>): Look =>
  lookOf({ write: () => true, isTTY: true, columns }, env);

describe('the drawing', () => {
  test('through a pipe', () => {
    expect(formatTimeline('train', timeline(), plainLook)).toMatchSnapshot();
  });
  test('on a narrow terminal without Unicode', () => {
    const text = formatTimeline('train', timeline(), terminal(60, { LANG: 'C', NO_COLOR: '1' }));
    expect(text).toMatchSnapshot();
    expect(text).toMatch(/^[\x20-\x7e\n]*$/);
  });
  test('in colours', () => {
    const one = timeline({
      members: [{ member: 0, node: 'n1' }],
      spans: timeline().spans.filter(({ member }) => member === 0),
    });
    expect(formatTimeline('train', one, terminal(80, { LANG: 'C.UTF-8', TERM: 'xterm' }))).toMatchSnapshot();
  });
  test('of an epoch that was aborted before anyone was frozen', () => {
    const aborted = timeline({
      state: 'aborted',
      reason: 'preflight found what cannot be done',
      spans: [{ member: 0, phase: 'preflight', startMs: atMs, endMs: atMs + 5 }],
      stallMs: undefined,
      bytes: undefined,
      decision: { decision: 'abort', atMs: atMs + 7 },
    });
    expect(formatTimeline('train', aborted, plainLook)).toMatchSnapshot();
  });
  test('of an epoch of which nothing is known', () => {
    const unknown = timeline({ members: [], spans: [], decision: undefined });
    expect(formatTimeline('train', unknown, plainLook)).toMatchSnapshot();
  });

  test('fits the terminal', () => {
    fc.assert(
      fc.property(fc.integer({ min: 60, max: 300 }), fc.boolean(), (columns, unicode) => {
        const look = { ...plainLook, columns, unicode };
        const bars = formatTimeline('train', timeline(), look)
          .split('\n')
          .filter((line) => /[█▌▐#]/.test(line));
        expect(bars.length).toBe(24);
        for (const line of bars) expect(line.length).toBeLessThanOrEqual(columns);
      }),
    );
  });
});

describe('a bar', () => {
  const window = { startMs: 0, endMs: 100 };
  test.each([
    [[{ startMs: 0, endMs: 100 }], '██████████'],
    [[{ startMs: 0, endMs: 50 }], '█████     '],
    [[{ startMs: 25, endMs: 50 }], '  ▐██     '],
    [[{ startMs: 0, endMs: 15 }], '█▌        '],
    [[{ startMs: 50, endMs: 50 }], '     ▌    '],
    [[{ startMs: 100, endMs: 100 }], '         ▐'],
    [
      [
        { startMs: 0, endMs: 10 },
        { startMs: 90, endMs: 100 },
      ],
      '█        █',
    ],
    [[], '          '],
  ])('of %j', (stretches, bar) => {
    expect(drawBar(stretches, window, 10, true)).toBe(bar);
  });

  test('is as wide as it was asked to be, and never empty for a stretch in the window', () => {
    const moment = fc.integer({ min: 0, max: 1_000 });
    fc.assert(
      fc.property(
        moment,
        moment,
        fc.integer({ min: 1, max: 200 }),
        fc.boolean(),
        (a, b, columns, unicode) => {
          const stretch = { startMs: Math.min(a, b), endMs: Math.max(a, b) };
          const bar = drawBar([stretch], { startMs: 0, endMs: 1_000 }, columns, unicode);
          expect(bar).toHaveLength(columns);
          expect(bar.trim()).not.toBe('');
        },
      ),
    );
  });

  test('in a window of no length', () => {
    expect(drawBar([{ startMs: 5, endMs: 5 }], { startMs: 5, endMs: 5 }, 4, false)).toBe('#   ');
  });

  test('an axis without room has a line all the same', () => {
    expect(drawAxis('0', '182 ms', 3, true)).toBe('0 ─ 182 ms');
  });
});

describe('the findings', () => {
  test('the straggler, and where it lost its time', () => {
    expect(findStraggler(timeline().spans)).toEqual({
      member: 2,
      ms: 196 - 46 + 46 - 20 + 24 - 4,
      othersMs: 124,
      phase: { name: 'dump', ms: 162, othersMs: 90 },
    });
  });

  test('no straggler among equals, nor in a gang of one', () => {
    const spans = timeline().spans.filter(({ member }) => member !== 2);
    expect(findStraggler(spans)).toBeUndefined();
    expect(findStraggler(spans.filter(({ member }) => member === 0))).toBeUndefined();
  });

  test('the costliest phase, by the longest member', () => {
    expect(costliestPhase(timeline().spans)).toMatchObject({ phase: 'dump', member: 2, ms: 162 });
    expect(costliestPhase([])).toBeUndefined();
  });
});
