// The mesh again and again: every size, both families, moments chosen by seeds. STILLPOINT_SEEDS=n runs more of them.
import { describe, expect, test } from 'vitest';
import { carry } from '../support/carry.ts';
import { startStillpoint } from '../support/stillpoint.ts';

const seeds = Array.from({ length: Number(process.env['STILLPOINT_SEEDS'] ?? 3) }, (_, at) => 100 + at);
const messagesOf: Readonly<Record<number, number>> = { 2: 12_000, 3: 9000, 5: 8000, 8: 4000 };

describe.each(seeds)('seed %i', (seed) => {
  describe.each(['--ipv4', '--ipv6', '--mapped'])('%s', (family) => {
    test.each([2, 3, 5, 8])('%i members', async (members) => {
      await using sp = await startStillpoint();
      const options = family === '--ipv4' ? [] : [family];
      const command = ['build/mesh', '--messages', String(messagesOf[members]), ...options] as const;
      const gang = await carry(sp, { ranks: members, nodes: 2, command, cuts: 6, stepsBetween: 5, seed });
      expect(await gang.show()).toMatchObject({ state: 'completed', incarnation: 2 });
    });
  });
});
