// Which machines a checkpoint can come back on.
import { expect, it } from 'vitest';
import { compareMachines, readMachineFacts } from './machine-facts.ts';

const dumped = { kernel: '6.18.44-x', cpuModel: 'A', cpuFlags: ['sse2', 'avx2'] };

it('accepts the same machine, and a newer one', async () => {
  const here = await readMachineFacts();
  expect(here.cpuFlags).toContain('sse2');
  expect(compareMachines(here, here)).toEqual([]);
  expect(
    compareMachines(dumped, { kernel: '7.0.1', cpuModel: 'B', cpuFlags: ['sse2', 'avx2', 'avx512f'] }),
  ).toEqual([]);
  expect(compareMachines(dumped, { ...dumped, kernel: '6.18.2' })).toEqual([]);
});

it('names what is missing', () => {
  const problems = compareMachines(dumped, { kernel: '6.1.0', cpuModel: 'B', cpuFlags: ['sse2'] });
  expect(problems.map(({ code }) => code)).toEqual(['SP_BLOCKED_CPU', 'SP_BLOCKED_KERNEL']);
  expect(problems[0]?.message).toContain('avx2');
});
