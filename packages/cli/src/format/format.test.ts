// How things read: golden texts, wide and narrow, with and without colours. Rewritten by `vitest -u`, reviewed as a diff.
import { beforeAll, describe, expect, test } from 'vitest';
import type { Look } from '../terminal.ts';
import { lookOf } from '../terminal.ts';
import { atMs } from '../testing/fake-coordinator.ts';
import { epoch, gang, gangDetail, node, placement } from '../testing/samples.ts';
import { formatEpochs } from './epochs.ts';
import { formatGang, formatGangs, formatPlacement } from './gangs.ts';
import { formatNodes } from './nodes.ts';
import { formatAge, formatWhen } from './time.ts';
import { count, formatBytes, formatMs, formatRatio, formatSeconds, listed } from './units.ts';

const nowMs = atMs + 200_000;

beforeAll(() => {
  process.env['TZ'] = 'UTC';
});

/** A terminal of some width, or a pipe. */
const look = (columns: number | undefined, env: Record<string, string> = {}): Look =>
  lookOf(
    { write: () => true, isTTY: columns !== undefined, columns: columns ?? 0 },
    { LANG: 'C.UTF-8', NO_COLOR: '1', ...env },
  );

const gangs = [
  gang({ everyMs: 30_000, lastPublishedEpoch: 7 }),
  gang({ name: 'eval', ranks: 1, nodes: ['n1'], openEpoch: { epoch: 3, phase: 'dump' } }),
  gang({ name: 'old', state: 'failed', exitCode: 1, nodes: [], createdAtMs: atMs - 90_000_000 }),
];
const epochs = [
  epoch({ epoch: 5, trigger: 'periodic', startedAtMs: atMs - 86_400_000 }),
  epoch({
    epoch: 6,
    state: 'aborted',
    reason: 'member 1 uses io_uring',
    bytes: undefined,
    stallMs: undefined,
  }),
  epoch({ epoch: 7, state: 'open', phase: 'dump', outcome: 'stop', bytes: { raw: 1.52e9 } }),
];
const nodes = [
  node(),
  node({ name: 'n2', schedulable: false, members: [] }),
  node({ name: 'n3', state: 'killed' }),
];

describe('tables', () => {
  test('gangs through a pipe', () => {
    expect(formatGangs(gangs, nowMs, look(undefined))).toMatchSnapshot();
  });
  test('gangs on a narrow terminal: the command gives way', () => {
    const text = formatGangs(gangs, nowMs, look(80));
    expect(text).toMatchSnapshot();
    expect(Math.max(...text.split('\n').map((line) => line.length))).toBeLessThanOrEqual(88);
  });
  test('a command of several lines stays on one, and steers no terminal', () => {
    const script = gang({ command: ['python3', '-c', 'a = 1\nprint(a)\u001b[2J'] });
    const [, row, ...rest] = formatGangs([script], nowMs, look(undefined)).split('\n');
    expect([row?.slice(row.indexOf('python3')), rest]).toEqual([
      String.raw`python3 -c a = 1\nprint(a)\u001b[2J`,
      [],
    ]);
  });
  test('gangs in colours', () => {
    expect(formatGangs(gangs, nowMs, look(100, { NO_COLOR: '' }))).toMatchSnapshot();
  });
  test('epochs: nothing of them gives way', () => {
    const text = formatEpochs(epochs, nowMs, look(undefined));
    expect(text).toMatchSnapshot();
    expect(formatEpochs(epochs, nowMs, look(60, { LANG: 'C' }))).toBe(text);
  });
  test('nodes', () => {
    expect(formatNodes(nodes, look(undefined))).toMatchSnapshot();
  });
  test('placement', () => {
    expect(formatPlacement(placement, look(undefined))).toMatchSnapshot();
  });
});

describe('one gang', () => {
  test('as it runs', () => {
    expect(formatGang(gangDetail({ everyMs: 300_000, keep: 5 }), nowMs, look(undefined))).toMatchSnapshot();
  });
  test('restored, then failed', () => {
    const more = {
      state: 'failed',
      reason: 'node n2 was killed',
      incarnation: 2,
      restoredFrom: 6,
      lastPublishedEpoch: 6,
    } as const;
    expect(formatGang(gangDetail({ ...more, epochs: [] }), nowMs, look(undefined))).toMatchSnapshot();
  });
});

describe('amounts', () => {
  test.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.00 kB'],
    [9_994, '9.99 kB'],
    [9_996, '10.0 kB'],
    [99_960, '100 kB'],
    [999_499, '999 kB'],
    [999_500, '1.00 MB'],
    [390e6, '390 MB'],
    [1.52e9, '1.52 GB'],
    [2e18, '2000 PB'],
  ])('%i bytes are %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  test.each([
    [0, '0 ms'],
    [0.44, '0.4 ms'],
    [9.94, '9.9 ms'],
    [9.96, '10 ms'],
    [182, '182 ms'],
    [999.6, '1 s'],
    [30_000, '30 s'],
    [3_420, '3.4 s'],
    [59_949, '59.9 s'],
    [59_960, '1 m'],
    [200_000, '3 m 20 s'],
    [3_600_000, '1 h'],
    [7_500_000, '2 h 5 m'],
    [604_800_000, '7 d'],
    [273_600_000, '3 d 4 h'],
  ])('%d ms are %s', (ms, text) => {
    expect(formatMs(ms)).toBe(text);
  });

  test('a number of seconds just under an hour or a day does not overflow', () => {
    expect([formatSeconds(3_599), formatSeconds(86_399)]).toEqual(['59 m 59 s', '1 d']);
  });

  test('ratios, counts and lists', () => {
    expect([formatRatio(390, 92), formatRatio(1, 0)]).toEqual(['4.2:1', '-']);
    expect([count(1, 'file'), count(0, 'file')]).toEqual(['1 file', '0 files']);
    expect([listed([]), listed(['a']), listed(['a', 'b']), listed(['a', 'b', 'c'])]).toEqual([
      '',
      'a',
      'a and b',
      'a, b and c',
    ]);
  });

  test('moments', () => {
    expect(formatWhen(atMs, nowMs)).toBe('08:00:00');
    expect(formatWhen(atMs - 86_400_000, nowMs)).toBe('2026-11-23 08:00:00');
    expect(formatAge(atMs, nowMs)).toBe('3 m 20 s');
    expect(formatAge(nowMs + 5_000, nowMs)).toBe('0 s');
  });
});
