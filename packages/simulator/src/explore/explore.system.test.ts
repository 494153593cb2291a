// Small gangs are explored to the end, and deliberate errors of the protocol are found.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { scenarios, tellExploration } from './scenarios.ts';

const program = join(import.meta.dirname, '../explore-main.ts');

it.each([
  { name: 'resume', members: 2, faults: 0, fault: '' },
  { name: 'resume', members: 3, faults: 0, fault: '' },
  { name: 'resume', members: 2, faults: 1, fault: 'gets no answer|manifest fails' },
  { name: 'stop', members: 2, faults: 0, fault: '' },
  { name: 'restore', members: 2, faults: 0, fault: '' },
  { name: 'restore', members: 3, faults: 0, fault: '' },
  { name: 'restore', members: 2, faults: 1, fault: 'the leader dies|gets no answer' },
])('$name of $members members, $faults faults: all states are visited, and nothing is found', (row) => {
  const scenario = scenarios.find(({ name }) => name === row.name)!;
  const lines: string[] = [];
  const size = {
    members: row.members,
    nodes: row.members,
    faults: { most: row.faults, pattern: new RegExp(row.fault) },
    bounds: { depthMax: Infinity, statesMax: 200_000 },
  };
  const isWell = tellExploration(scenario, size, (line) => lines.push(line));
  console.log(lines[0]);
  expect(lines.slice(1)).toEqual([]);
  expect(isWell).toBe(true);
  expect(lines[0]).toContain(', complete;');
});

it.each([
  ['dump-before-all-are-held', 'resume', 0, '', 'is of an instant when all were held'],
  ['commit-with-a-vote-missing', 'stop', 0, '', ''],
  ['kill-before-the-decision', 'stop', 0, '', 'is killed only by a stop that is committed'],
  [
    'thaw-in-doubt',
    'stop',
    2,
    'member 0: (deadline deadMan expires|the ledger does not answer to try-abort)$',
    '',
  ],
  ['abort-after-commit-may-stand', 'stop', 1, 'leader: deadline decide', ''],
  ['accept-a-stale-fence', 'stop', 1, 'cut off|the leader dies', 'acts on an order of the past'],
  ['lift-before-go', 'restore', 0, '', ''],
])('%s is found', (mutation, scenario, faults, fault, what) => {
  const options = ['--scenario', scenario, '--faults', String(faults), '--fault', fault];
  const found = spawnExplorer(['--mutation', mutation, ...options, '--states', '150000']);
  expect(found).toContain('ended by what was found');
  expect(found).toContain(what);
});

function spawnExplorer(options: readonly string[]): string {
  try {
    const output = execFileSync(process.execPath, [program, ...options], {
      encoding: 'utf8',
      stdio: 'pipe',
      timeout: 50_000,
    });
    throw new Error(`nothing was found: ${output}`);
  } catch (error) {
    const { status, stdout } = error as { status?: number; stdout?: string };
    if (status !== 1 || stdout === undefined) throw error;
    return stdout;
  }
}
