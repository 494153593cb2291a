// The real set-up, in a fresh clone with an empty cache: everything is fetched and compiled, then nothing is left to do.
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';

const repository = path.resolve(import.meta.dirname, '../..');
const setupDeadlineMs = 15 * 60_000;
const run = promisify(execFile);

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'stillpoint-clone-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

test('a fresh clone sets itself up, and the second time does nothing', async () => {
  const clone = path.join(folder, 'clone');
  const { STILLPOINT_CRIU: _, ...inherited } = process.env;
  const env = { ...inherited, STILLPOINT_CACHE: path.join(folder, 'cache') };
  await run('git', ['clone', '--quiet', '--no-hardlinks', repository, clone]);
  const launcher = path.join(clone, 'stillpoint');

  const first = await run(launcher, ['setup'], { env, timeout: setupDeadlineMs });
  expect(first.stdout).toBe('');
  expect(first.stderr).toMatch(/set-up: node: done in [\d.]+ s[\s\S]*set-up: criu: done in [\d.]+ s/);
  const second = await run(path.join(clone, 'scripts/setup.sh'), [], { env });
  expect(second).toEqual({ stdout: '', stderr: '' });

  const criu = path.join(folder, 'cache/criu/sbin/criu');
  expect((await run(criu, ['--version'])).stdout).toMatch(/^Version: 4\.[2-9]/);
  // The run directory is compiled in: another build in the cache would have been replaced.
  await run('grep', ['-qa', '/run/stillpoint-criu', criu]);
});
