// The hooks of examples/hooks with a real gang: a writer's events are in its file at the cut, and a cache is in no image.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { TestGang } from '../support/gang.ts';
import { type Stillpoint, startStillpoint } from '../support/stillpoint.ts';
import { workload } from '../workloads/harness.ts';

const examples = fileURLToPath(new URL('../../examples/hooks/', import.meta.url));
const members = 2;
const cacheMb = 48;

/** An example, with its scripts where they are here. */
async function exampleIn(folder: string, name: string): Promise<string> {
  const file = join(folder, name);
  const text = await readFile(join(examples, name), 'utf8');
  await writeFile(file, text.replaceAll('examples/hooks/', examples));
  return file;
}

async function start(sp: Stillpoint, name: string, hooks: readonly string[]): Promise<TestGang> {
  const cwd = await sp.makeFolder(name);
  const program = [workload('hooked.py'), '--steps', '100000', '--cache-mb', String(cacheMb)];
  const options = ['--ranks', String(members), '--nodes', '2', '--cwd', cwd, ...hooks];
  await sp.ok('run', name, ...options, '--', ...program);
  return sp.gang(name, members);
}

test('a writer flushes what it has before the cut, and what it wrote is what the image goes on from', async () => {
  await using sp = await startStillpoint({ nodes: ['n1', 'n2'] });
  const hooks = await exampleIn(await sp.makeFolder('hooks'), 'flush-tensorboard.yaml');
  const gang = await start(sp, 'writes', ['--hooks', hooks]);
  await gang.untilStep(20);
  const { epoch } = await gang.checkpoint({ outcome: 'stop' });
  const atTheCut = (await gang.steps())[0]?.at(-1)?.step ?? 0;
  const events = (await readFile(join(gang.cwd, 'events.0'), 'utf8')).trim().split('\n');
  expect(events).toEqual(events.map((_, step) => `step ${step}`));
  // between the hook and the freeze it may have stepped on
  expect(atTheCut - events.length).toBeLessThan(10);
  expect(await sp.ok('timeline', `writes@${epoch}`)).toMatch(
    /hooks\nflush-tensorboard\s+pre freeze\s+[\d.]+ m?s/,
  );
  await gang.restore();
  await gang.goOn(5);
  await gang.checkpoint({ outcome: 'stop' });
  const more = (await readFile(join(gang.cwd, 'events.0'), 'utf8')).trim().split('\n');
  // none is missing and none was written twice
  expect(more).toEqual(more.map((_, step) => `step ${step}`));
  expect(more.length).toBeGreaterThan(events.length);
});

test('a cache that is dropped before the dump makes the image as much smaller', async () => {
  await using sp = await startStillpoint({ nodes: ['n1', 'n2'] });
  const hooks = await exampleIn(await sp.makeFolder('hooks'), 'drop-cache.yaml');
  const rawBytes = async (name: string, options: readonly string[]): Promise<number> => {
    const gang = await start(sp, name, options);
    await gang.untilStep(10);
    const { bytes } = await gang.checkpoint({ outcome: 'stop' });
    return bytes?.raw ?? 0;
  };
  const withCache = await rawBytes('keeps', []);
  const without = await rawBytes('drops', ['--hooks', hooks]);
  expect(withCache - without).toBeGreaterThan(0.9 * members * cacheMb * 2 ** 20);
});
