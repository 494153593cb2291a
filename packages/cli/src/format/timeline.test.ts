// The drawing of an epoch, and what is read off it.
import type { Timeline } from '@stillpoint/coordinator';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { lookOf, type Look, plainLook } from '../terminal.ts';
import { epochAtMs, timeline } from '../testing/samples.ts';
import { drawAxis, drawBar } from './bars.ts';
import { formatTimeline } from './timeline.ts';
import { onOneClock } from './timeline-clocks.ts';
import { costliestPhase, findStraggler, type Span } from './timeline-findings.ts';

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
      spans: [{ member: 0, phase: 'preflight', startMs: epochAtMs, endMs: epochAtMs + 5 }],
      stallMs: undefined,
      bytes: undefined,
      decision: { decision: 'abort', atMs: epochAtMs + 7 },
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

describe('the drawing of many', () => {
  const many = (late: number): Timeline => {
    const members = Array.from({ length: 64 }, (_, member) => ({ member, node: `node-${member}` }));
    const [first] = [timeline().spans.filter(({ member }) => member === 0)];
    const spans = members.flatMap(({ member }) =>
      (first ?? []).map((span) => ({
        ...span,
        member,
        endMs: span.endMs + (member === late && span.phase === 'dump' ? 400 : 0),
      })),
    );
    return timeline({ members, spans });
  };

  test('is no taller than of a few, and shows the straggler', () => {
    const text = formatTimeline('train', many(41), plainLook);
    expect(text).toMatchSnapshot();
    expect(text.split('\n').length).toBeLessThan(35);
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(110);
  });

  test('without a straggler', () => {
    const text = formatTimeline('train', many(-1), plainLook);
    expect(text).toContain('Straggler: none');
    expect(text).not.toMatch(/^member/m);
  });
});

describe('clocks that differ', () => {
  const phases = [
    ['preflight', 0],
    ['freeze', 15],
    ['hold', 28],
    ['note', 42],
    ['dump', 47],
    ['release', 213],
    ['persist', 290],
    ['forget', 1_510],
    ['published', 1_560],
  ].map(([phase, ms]) => ({ phase: String(phase), atMs: epochAtMs + Number(ms) }));
  const right = timeline({ phases });
  const shifted = (member: number, ms: (span: Span) => number): Timeline => ({
    ...right,
    spans: right.spans.map((span) =>
      span.member === member
        ? { ...span, startMs: span.startMs + ms(span), endMs: span.endMs + ms(span) }
        : span,
    ),
  });

  test('are left alone where they may be right', () => {
    expect(onOneClock(right)).toEqual({ spans: expect.anything(), notes: [] });
    expect(new Set(onOneClock(right).spans)).toEqual(new Set(right.spans));
  });

  test.each([
    [3_600_000, /^Clocks ahead of the coordinator's: about n2 by 1 h\. Drawn put right\.$/],
    [-5_000, /^Clocks behind the coordinator's: about n2 by 5 s\. Drawn put right\.$/],
    [60, /^Clocks ahead of the coordinator's: about n2 by \d+ ms\. Drawn put right\.$/],
  ])('by %i ms are put right, to a few ms', (ms, note) => {
    const { spans, notes } = onOneClock(shifted(1, () => ms));
    expect(notes).toEqual([expect.stringMatching(note)]);
    for (const span of right.spans) {
      const found = spans.find(({ member, phase }) => member === span.member && phase === span.phase);
      expect(Math.abs((found?.startMs ?? 0) - span.startMs)).toBeLessThanOrEqual(5);
      expect((found?.endMs ?? 0) - (found?.startMs ?? 0)).toBeCloseTo(span.endMs - span.startMs);
    }
  });

  test('and are set meanwhile: every step lies between the phases that it belongs to', () => {
    const jumps = shifted(1, ({ phase }) => (phase === 'dump' || phase === 'check' ? 86_400_000 : 0));
    const { spans, notes } = onOneClock(jumps);
    expect(notes).toEqual([expect.stringMatching(/^Clocks that were set meanwhile: n2\./)]);
    for (const { startMs, endMs } of spans) {
      expect(startMs).toBeGreaterThanOrEqual(epochAtMs);
      expect(endMs).toBeGreaterThanOrEqual(startMs);
      expect(endMs).toBeLessThanOrEqual(epochAtMs + 1_600);
    }
    expect(formatTimeline('train', jumps, plainLook)).toContain(notes[0]);
    expect(findStraggler(spans)).toMatchObject({ member: 2, phase: { name: 'dump' } });
  });

  test('and go backwards within a step', () => {
    const spans = right.spans.map((span) =>
      span.member === 0 && span.phase === 'dump' ? { ...span, endMs: span.startMs - 3_000 } : span,
    );
    const placed = onOneClock({ ...right, spans });
    expect(placed.notes).toEqual([expect.stringMatching(/^Clocks that were set meanwhile: n1\./)]);
    for (const { startMs, endMs } of placed.spans) expect(endMs).toBeGreaterThanOrEqual(startMs);
  });

  test('in an epoch that a successor has finished, and in one that is not over', () => {
    const ahead = shifted(2, () => 3_600_000);
    const taken = onOneClock({ ...ahead, phases: phases.slice(6) });
    expect(taken.notes).toEqual([expect.stringMatching(/ahead of the coordinator's: about n3 by 1 h/)]);
    const { finishedAtMs: _, ...open } = right;
    expect(onOneClock({ ...open, phases: [] }).notes).toEqual([]);
  });

  test('name a few nodes, and count the rest', () => {
    const members = Array.from({ length: 9 }, (_, member) => ({ member, node: `n${member}` }));
    const spans = members.map(({ member }) => ({
      member,
      phase: 'preflight',
      startMs: epochAtMs + 9_000,
      endMs: epochAtMs + 9_005,
    }));
    const { notes } = onOneClock({ ...right, members, spans });
    expect(notes[0]).toMatch(/ and 5 more\. Drawn put right\.$/);
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
      ms: 4 + 11 + 2 + 162 + 4 + 2,
      othersMs: 113,
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
