// Lines come out the same however the stream is cut into pieces.
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LineReader, LineTooLong } from './lines.ts';

describe('LineReader', () => {
  it('gives the same lines for every way to cut the stream', () => {
    const line = fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\n', ''));
    fc.assert(
      fc.property(fc.array(line), fc.array(fc.nat(40)), (lines, cuts) => {
        const stream = lines.map((text) => `${text}\n`).join('');
        const reader = new LineReader(1_000_000);
        const found: string[] = [];
        let at = 0;
        for (const cut of cuts) {
          found.push(...reader.push(stream.slice(at, at + cut)));
          at += cut;
        }
        found.push(...reader.push(stream.slice(at)));
        expect(found).toEqual(lines);
      }),
    );
  });

  it('refuses a line that is too long before it ends', () => {
    const reader = new LineReader(10);
    expect(reader.push('12345')).toEqual([]);
    expect(() => reader.push('678901')).toThrow(LineTooLong);
  });

  it('counts each line for itself', () => {
    const reader = new LineReader(3);
    expect(reader.push('abc\ndef\ngh')).toEqual(['abc', 'def']);
    expect(reader.push('i\n')).toEqual(['ghi']);
  });
});
