// The statistics that a real CRIU 4.2.1 has written.
import { expect, test } from 'vitest';
import { frozenMs } from './criu-stats.ts';

const head = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

test('freezing and frozen time add up, in milliseconds', () => {
  // dump { freezing_time: 300, frozen_time: 150000, memdump_time: 7 }
  const entry = [0x08, 0xac, 0x02, 0x10, 0xf0, 0x93, 0x09, 0x18, 0x07];
  expect(frozenMs(Uint8Array.from([...head, 0x0a, entry.length, ...entry]))).toBe(150.3);
});

test('statistics of a restore have no frozen time', () => {
  expect(() => frozenMs(Uint8Array.from([...head, 0x12, 2, 0x08, 1]))).toThrow(/no times of a dump/);
});

test('half a file is refused', () => {
  expect(() => frozenMs(Uint8Array.from([...head, 0x0a]))).toThrow(/in the middle/);
});
