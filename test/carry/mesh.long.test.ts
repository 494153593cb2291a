// The mesh again and again: every size, every family, moments chosen by seeds. STILLPOINT_SEEDS=n runs more of them.
import { describe, expect, test } from 'vitest';
import { carry } from '../support/carry.ts';
import { startStillpoint } from '../support/stillpoint.ts';

const seeds = Array.from({ length: Number(process.env['STILLPOINT_SEEDS'] ?? 3) }, (_, at) => 100 + at);

describe.each(seeds)('seed %i', (seed) => {
  describe.each(['--ipv4', '--ipv6', '--mapped'])('%s', (family) => {
    test.each([
      { members: 2, messages: 6000, rateMb: 12 },
      { members: 3, messages: 4000, rateMb: 16 },
      { members: 5, messages: 2000, rateMb: 16 },
      { members: 8, messages: 1200, rateMb: 18 },
    ])('$members members', async ({ members, messages, rateMb }) => {
      await using sp = await startStillpoint();
      const options = family === '--ipv4' ? [] : [family];
      const command = ['build/mesh', '--messages', String(messages), ...options] as const;
      const pace = ['--rate-mb', String(rateMb)];
      const gang = await carry(sp, {
        ranks: members,
        nodes: 2,
        command,
        pace,
        cuts: 6,
        stepsBetween: 3,
        seed,
      });
      expect(await gang.show()).toMatchObject({ state: 'completed', incarnation: 2 });
    });
  });
});
