// Addresses between an image's words and text, and the map between old and new ones.
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { addressText, classifyAddress, compileAddressMap, translateAddress } from './addresses.ts';
import { AddressMapError } from './errors.ts';

/** The words in which CRIU writes these address bytes: memory order, as the machine reads it. */
function words(...bytes: readonly number[]): number[] {
  return [...new Uint32Array(Uint8Array.from(bytes).buffer)];
}

const ipv4 = words(10, 1, 2, 3);
const mapped = words(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 1, 2, 3);
const ipv6 = words(0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
const loopback6 = words(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);

describe('text', () => {
  test.each([
    [ipv4, '10.1.2.3'],
    [mapped, '10.1.2.3'],
    [ipv6, 'fd00::1'],
    [words(0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1), '2001:db8::1:0:0:1'],
    [words(0x20, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1), '2001::1:0:0:1'],
    [[0], '0.0.0.0'],
    [[0, 0, 0, 0], '::'],
    [loopback6, '::1'],
  ])('of %j is %s', (address, text) => {
    expect(addressText(address)).toBe(text);
  });
});

describe('a map', () => {
  const map = compileAddressMap(
    new Map([
      ['::FFFF:10.1.2.3', '10.9.9.9'],
      ['FD00:0::1', 'fd11::2'],
    ]),
  );

  test.each([
    ['IPv4', ipv4, '10.9.9.9', 1],
    ['IPv4 in IPv6', mapped, '10.9.9.9', 4],
    ['IPv6', ipv6, 'fd11::2', 4],
  ])('moves %s', (_, address, text, length) => {
    const moved = translateAddress(map, address);
    expect(moved).toHaveLength(length);
    expect(addressText(moved ?? [])).toBe(text);
    expect(classifyAddress(map, address)).toBe('mapped');
  });

  test.each([
    ['wildcard', [0]],
    ['wildcard', [0, 0, 0, 0]],
    ['wildcard', words(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 0, 0, 0, 0)],
    ['loopback', words(127, 0, 0, 53)],
    ['loopback', loopback6],
    ['loopback', words(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 127, 0, 0, 1)],
    ['outside', words(10, 1, 2, 4)],
    ['outside', words(0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)],
    ['outside', words(224, 0, 0, 1)],
  ])('leaves a %s address alone', (kind, address) => {
    expect(classifyAddress(map, address)).toBe(kind);
    expect(translateAddress(map, address)).toBeUndefined();
  });

  test('may swap addresses: each moves once', () => {
    const swap = compileAddressMap(
      new Map([
        ['10.0.0.1', '10.0.0.2'],
        ['10.0.0.2', '10.0.0.1'],
      ]),
    );
    expect(addressText(translateAddress(swap, words(10, 0, 0, 1)) ?? [])).toBe('10.0.0.2');
    expect(addressText(translateAddress(swap, words(10, 0, 0, 2)) ?? [])).toBe('10.0.0.1');
  });

  test.each([
    [[['10.0.0.1', 'fd00::1']], /different families/],
    [[['10.0.0', '10.0.0.1']], /10\.0\.0 is no address/],
    [[['10.0.0.1', 'node-2']], /node-2 is no address/],
    [[['fe80::1%eth0', 'fe80::2']], /no address/],
    [[['::10.0.0.1', '10.0.0.2']], /no address/],
    [
      [
        ['fd00::1', 'fd00::2'],
        ['fd00:0::1', 'fd00::3'],
      ],
      /both fd00::2 and fd00::3/,
    ],
  ] as const)('%j is refused', (entries, message) => {
    const compile = () => compileAddressMap(new Map(entries as readonly (readonly [string, string])[]));
    expect(compile).toThrow(AddressMapError);
    expect(compile).toThrow(message);
  });

  test('there and back again is where one was', () => {
    const wordCount = fc.constantFrom(1, 4);
    const word = fc.integer({ min: 1, max: 0xffffffff });
    const pair = wordCount.chain((length) => {
      const address = fc.array(word, { minLength: length, maxLength: length });
      return fc.tuple(address, address);
    });
    fc.assert(
      fc.property(pair, ([here, away]) => {
        const there = compileAddressMap(new Map([[addressText(here), addressText(away)]]));
        const back = compileAddressMap(new Map([[addressText(away), addressText(here)]]));
        expect(translateAddress(there, here)).toEqual(away);
        expect(translateAddress(back, away)).toEqual(here);
      }),
    );
  });
});
