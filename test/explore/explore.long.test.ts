// Every state that a gang of two can come to with one fault of any kind, and of three without: as far as there is room.
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const program = path.join(import.meta.dirname, '../../packages/simulator/src/explore-main.ts');
const statesMax = 2_000_000;

test.each([
  ['resume', 2, 1],
  ['stop', 2, 1],
  ['restore', 2, 1],
  ['resume', 3, 0],
  ['stop', 3, 0],
  ['restore', 3, 1],
])('%s of %i members with up to %i faults', async (scenario, members, faults) => {
  const options = ['--scenario', scenario, '--members', String(members), '--faults', String(faults)];
  const { stdout } = await promisify(execFile)(
    process.execPath,
    ['--max-old-space-size=3000', program, ...options, '--states', String(statesMax)],
    { timeout: 29 * 60_000 },
  );
  console.log(stdout.trim());
  expect(stdout).toMatch(/, (?:complete|cut);/);
});
