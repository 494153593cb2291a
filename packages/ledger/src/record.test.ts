// Records that are complete, torn and damaged: every truncation and every change of one byte of a small ledger.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DamagedRecord, encodeRecord, RecordReader } from './record.ts';

const payloads = [
  '{"format":"stillpoint-ledger","version":1}',
  '{"id":"0a","put":[{"key":"a","value":"ab\\n\\t\u{1f9ca}"}]}',
  '{}',
  '{"id":"ff","put":[{"key":"00000000","value":[1,2.5,null]}]}',
];
const whole = Buffer.concat(payloads.map(encodeRecord));

/** What a reader makes of the bytes: the payloads, and `damaged` if it stopped at damage. */
function readAll(bytes: Uint8Array, pieceBytes = bytes.length): string[] {
  const reader = new RecordReader();
  const seen: string[] = [];
  try {
    for (let at = 0; at < bytes.length; at += pieceBytes) {
      reader.push(bytes.subarray(at, at + pieceBytes));
      for (let record = reader.next(); record !== undefined; record = reader.next())
        seen.push(record.payload);
    }
    expect(reader.bytesTaken).toBe(bytes.length);
  } catch (error) {
    if (!(error instanceof DamagedRecord)) throw error;
    seen.push('damaged');
  }
  return seen;
}

interface Flips {
  /** Changes of one byte that are taken for no damage, but make no difference either. */
  readonly harmless: string[];
  /** Changes of one byte that are taken for no damage and make a difference. */
  readonly unnoticed: string[];
}

const everyByte = Array.from({ length: 256 }, (_, value) => value);
/** The bytes that mean something in a record. */
const tellingBytes = [...Buffer.from('\n\t0af}{"\0')];

function flipEveryByte(ledger: Buffer, values: readonly number[]): Flips {
  const right = readAll(ledger).join('\n');
  const flips: Flips = { harmless: [], unnoticed: [] };
  for (const [at, original] of [...ledger].entries()) {
    for (const value of values) {
      if (value === original) continue;
      ledger[at] = value;
      const seen = readAll(ledger);
      const kind = seen.join('\n') === right ? 'harmless' : 'unnoticed';
      if (seen.at(-1) !== 'damaged') flips[kind].push(`byte ${at}: ${original} to ${value}`);
    }
    ledger[at] = original;
  }
  return flips;
}

describe('records', () => {
  test('come back in order, in pieces of any size', () => {
    for (const pieceBytes of [1, 2, 7, 26, 1000]) expect(readAll(whole, pieceBytes)).toEqual(payloads);
  });

  test('carry any JSON', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue()), fc.integer({ min: 1, max: 50 }), (values, pieceBytes) => {
        const texts = values.map((value) => JSON.stringify(value));
        expect(readAll(Buffer.concat(texts.map(encodeRecord)), pieceBytes)).toEqual(texts);
      }),
    );
  });

  test('every truncation keeps what is complete and leaves out the torn end', () => {
    let end = 0;
    const ends = payloads.map((payload) => (end += encodeRecord(payload).length));
    for (let length = 0; length <= whole.length; length += 1) {
      // The closing tab is not needed.
      const complete = ends.filter((each) => each - 1 <= length).length;
      expect(readAll(whole.subarray(0, length))).toEqual(payloads.slice(0, complete));
    }
  });

  test('every truncation followed by another record leaves out just the torn one', () => {
    const more = encodeRecord('{"more":true}');
    for (let length = 0; length <= whole.length; length += 1) {
      const kept = readAll(whole.subarray(0, length));
      expect(readAll(Buffer.concat([whole.subarray(0, length), more, more]))).toEqual([
        ...kept,
        '{"more":true}',
        '{"more":true}',
      ]);
    }
  });

  test('every change of one byte is noticed', () => {
    let end = 0;
    const closingTabs = payloads.map((payload) => (end += encodeRecord(payload).length) - 1);
    expect(flipEveryByte(Buffer.from(whole), everyByte)).toEqual({
      // As if another record had been torn after its first byte.
      harmless: closingTabs.map((at) => `byte ${at}: 9 to 10`),
      unnoticed: [],
    });
  });

  test.for([1, 5, 25, 26, 27, 40])('so it is in and after a record torn after %i bytes', (tornBytes) => {
    const torn = encodeRecord('{"id":"ee","put":[],"remove":[]}').subarray(0, tornBytes);
    const start = encodeRecord(payloads[0]!);
    const rest = Buffer.concat(payloads.slice(1, 3).map(encodeRecord));
    const ledger = Buffer.concat([start, torn, rest]);
    expect(readAll(ledger)).toEqual(payloads.slice(0, 3));
    // Inside the torn record itself nothing needs noticing, but nothing may come of it either.
    expect(flipEveryByte(ledger, tellingBytes).unnoticed).toEqual([]);
  });

  test('so it is if a torn record could swallow the next one', () => {
    const large = encodeRecord(JSON.stringify({ id: 'x'.repeat(500) }));
    for (const tornBytes of [30, 200, large.length - 2]) {
      const ledger = Buffer.concat([large.subarray(0, tornBytes), encodeRecord('{"last":1}')]);
      expect(readAll(ledger)).toEqual(['{"last":1}']);
      expect(flipEveryByte(ledger, tellingBytes).unnoticed).toEqual([]);
    }
  });

  test('so it is if the last record lacks its closing tab, but for the byte that it then ends with', () => {
    const unclosed = Buffer.from(whole.subarray(0, -1));
    expect(readAll(unclosed)).toEqual(payloads);
    const brace = '}'.charCodeAt(0);
    const lineFeed = '\n'.charCodeAt(0);
    expect(flipEveryByte(unclosed, everyByte).unnoticed).toEqual([
      `byte ${unclosed.length - 1}: ${brace} to ${lineFeed}`,
    ]);
  });

  test('several torn ones in a row are left out', () => {
    const torn = [1, 2, 30, 12].map((length) => encodeRecord('{"id":"ee"}').subarray(0, length));
    expect(readAll(Buffer.concat([encodeRecord('{}'), ...torn, encodeRecord('[]')]))).toEqual(['{}', '[]']);
  });

  test('damage says where the record begins', () => {
    const damaged = Buffer.from(whole);
    damaged[encodeRecord(payloads[0]!).length + 30]! ^= 1;
    const reader = new RecordReader();
    reader.push(damaged);
    reader.next();
    expect(() => reader.next()).toThrow(
      expect.objectContaining({ offset: encodeRecord(payloads[0]!).length }),
    );
  });
});
