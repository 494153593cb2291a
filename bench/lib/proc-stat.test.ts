// CPU times as the kernel writes them.
import { expect, test } from 'vitest';
import { cpuMsOf } from './proc-stat.ts';

const stat = '4941 (a (b) c) S 4825 4825 4825 0 -1 4194560 9061 310 0 0 137 24 5 2 20 0 11 0 29377';

test('its own times and its children’s add up, whatever its name is', () => {
  expect(cpuMsOf(stat)).toBe((137 + 24 + 5 + 2) * 10);
});

test('half a line is refused', () => {
  expect(() => cpuMsOf('4941 (node) S 4825 4825')).toThrow(/no times/);
});
