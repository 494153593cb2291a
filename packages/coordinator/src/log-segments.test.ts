// Logs follow the timeline that the gang is on, through restores back and forth.
import { describe, expect, it } from 'vitest';
import { type LoggedIncarnation, logSegments } from './log-segments.ts';

const paths = (incarnation: number, member: number) => ({
  stdout: `${incarnation}/${member}.out`,
  stderr: `${incarnation}/${member}.err`,
});
const cut = (stdoutBytes: number) =>
  [0, 1].map((member) => ({ member, stdoutBytes: stdoutBytes + member, stderrBytes: member }));

function stdoutOf(
  current: number,
  incarnations: LoggedIncarnation[],
  rank: number,
  isLive = false,
): string[] {
  const { segments } = logSegments(2, current, incarnations, paths, isLive)[rank]!;
  return segments
    .filter(({ stream }) => stream === 'stdout')
    .map(({ path, toBytes, live }) => `${path} ${toBytes ?? 'end'}${live ? ' live' : ''}`);
}

describe('logSegments', () => {
  it('is one whole file for a gang that was never restored', () => {
    expect(stdoutOf(1, [{ incarnation: 1 }], 0, true)).toEqual(['1/0.out end live']);
    const [first] = logSegments(2, 1, [{ incarnation: 1 }], paths, false);
    expect(first!.segments.map(({ stream, path }) => [stream, path])).toEqual([
      ['stdout', '1/0.out'],
      ['stderr', '1/0.err'],
    ]);
  });

  it('leaves out what was written after the cut', () => {
    const incarnations = [{ incarnation: 1 }, { incarnation: 2, from: { incarnation: 1, cut: cut(100) } }];
    expect(stdoutOf(2, incarnations, 1, true)).toEqual(['1/1.out 101', '2/1.out end live']);
  });

  it('goes back past incarnations that are on another timeline', () => {
    const incarnations = [
      { incarnation: 1 },
      { incarnation: 2, from: { incarnation: 1, cut: cut(100) } },
      { incarnation: 3, from: { incarnation: 1, cut: cut(200) } },
      { incarnation: 4, from: { incarnation: 3, cut: cut(30) } },
    ];
    expect(stdoutOf(4, incarnations, 0)).toEqual(['1/0.out 200', '3/0.out 30', '4/0.out end']);
    expect(stdoutOf(2, incarnations, 0)).toEqual(['1/0.out 100', '2/0.out end']);
  });
});
