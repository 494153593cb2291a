// The framing: what is split is joined again byte for byte; what is damaged gives a typed error.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { CriuImageError } from './errors.ts';
import { joinImage, magics, readImageHead, splitImage } from './image-file.ts';
import { limits } from './limits.ts';

const payloads = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 20 });

function imageOf(entries: readonly Uint8Array[], ...numbers: readonly number[]): Uint8Array {
  const head = new Uint8Array(Uint32Array.from(numbers).buffer);
  return joinImage({ head, payloads: entries });
}

describe('an image of entries', () => {
  test('is the same bytes after split and join', () => {
    fc.assert(
      fc.property(payloads, (entries) => {
        const bytes = imageOf(entries, magics.common, magics.files);
        const image = splitImage('files.img', magics.files, bytes);
        expect(image.payloads.map((payload) => [...payload])).toEqual(entries.map((entry) => [...entry]));
        expect(joinImage(image)).toEqual(bytes);
      }),
    );
  });

  test('may lie anywhere in a buffer', () => {
    const bytes = imageOf([Uint8Array.of(1, 2, 3)], magics.common, magics.files);
    const shifted = new Uint8Array(bytes.length + 3);
    shifted.set(bytes, 3);
    expect(joinImage(splitImage('files.img', magics.files, shifted.subarray(3)))).toEqual(bytes);
  });

  test('of the inventory has one magic number only', () => {
    const bytes = imageOf([Uint8Array.of(8, 2)], magics.inventory);
    expect(splitImage('inventory.img', magics.inventory, bytes).head).toHaveLength(4);
  });

  test('cut anywhere within an entry or its head is refused', () => {
    const bytes = imageOf([new Uint8Array(10), new Uint8Array(5)], magics.common, magics.files);
    const whole = new Set([8, 8 + 14, bytes.length]);
    for (let length = 0; length < bytes.length; length += 1) {
      const split = () => splitImage('files.img', magics.files, bytes.subarray(0, length));
      if (whole.has(length)) expect(split).not.toThrow();
      else expect(split).toThrow(CriuImageError);
    }
  });

  test.each([
    ['another kind', [magics.common, magics.core], 'magic number 2 is wrong'],
    ['no image', [0, magics.files], 'magic number 1 is wrong'],
  ])('of %s is refused', (_, numbers, what) => {
    expect(() => splitImage('files.img', magics.files, imageOf([], ...numbers))).toThrow(
      `CRIU image files.img: ${what}`,
    );
  });

  test('with an absurd length is refused before anything is allocated', () => {
    const bytes = new Uint8Array(
      Uint32Array.of(magics.common, magics.files, limits.entryBytesMax + 1, 0).buffer,
    );
    expect(() => splitImage('files.img', magics.files, bytes)).toThrow(/over the limit/);
  });
});

test('the head of an image with raw bytes behind it', () => {
  const bytes = Uint8Array.from([
    ...imageOf([Uint8Array.of(7, 7)], magics.common, magics.tcpStream),
    1,
    2,
    3,
  ]);
  const { payload, tailOffset } = readImageHead('tcp-stream-1.img', magics.tcpStream, bytes);
  expect([...payload]).toEqual([7, 7]);
  expect([...bytes.subarray(tailOffset)]).toEqual([1, 2, 3]);
});
