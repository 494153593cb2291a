// Files whose content up to the cut is no longer the cut's: refused by name, saved by policy, or kept.
import { copyFile, readFile, rename, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startStillpoint } from '../support/stillpoint.ts';

const files = ['files.py', '--steps', '250'] as const;
const pace = ['--step-ms', '60'];

test.each([
  ['--in-place', /in-place\.\d was written in place/],
  ['--replace', /replaced\.\d(\.new)? (was replaced|is gone)/],
])('%s: refused by name before anything is touched', async (option, said) => {
  await using sp = await startStillpoint();
  const gang = await sp.run({ ranks: 2, command: [...files, option], pace });
  await gang.goOn(10);
  await gang.checkpoint();
  await gang.goOn(20);
  const refused = await sp.cli('restore', gang.name);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain(gang.cwd);
  expect(refused.stderr).toMatch(said);
  expect(refused.stderr).toMatch(/SP_FILE_CHANGED\)\n→ /);
  // all or nothing: the gang that ran still runs
  expect(await gang.show()).toMatchObject({ state: 'running', incarnation: 1 });
  await gang.goOn(5);
});

test('a file that is written in place comes back when the policy saves it', async () => {
  await using sp = await startStillpoint();
  const command = [...files, '--in-place', '--shared', 'shared.log'] as const;
  const gang = await sp.run({ ranks: 2, command, pace, files: 'save' });
  const epochs: number[] = [];
  for (let cut = 0; cut < 2; cut += 1) {
    await gang.goOn(15);
    epochs.push((await gang.checkpoint()).epoch);
  }
  for (const epoch of [...epochs, epochs[0]!]) {
    await gang.goOn(15);
    await gang.restore({ epoch });
  }
  await gang.finish();
  expect(await gang.show()).toMatchObject({ state: 'completed', incarnation: 4 });
});

test('a changed file is left as it is when the policy keeps it', async () => {
  await using sp = await startStillpoint();
  const gang = await sp.run({ ranks: 1, command: ['/bin/sh', '-c', counter], pace: [] });
  await gang.goOn(10);
  await gang.checkpoint({ outcome: 'stop' });
  const path = join(gang.cwd, 'counter');
  await writeFile(path, 'somebody else was here\n');
  expect((await sp.cli('restore', gang.name)).stderr).toContain(path);
  await sp.ok('restore', gang.name, '--files', 'keep');
  expect(await readFile(path, 'utf8')).toContain('else was here');
  await gang.finish();
});

/**
 * Writes its step over the beginning of a file that it has open all the time, and never reads it. The shell has
 * `--slow-while FILE` as $0 and $1.
 */
const counter = `
  exec 3<>counter
  step=0
  while [ $step -lt 150 ]; do
    printf '%04d' $step 1<>counter
    echo "step $step digest 0"
    step=$((step + 1))
    [ ! -e "$1" ] || sleep 0.1
  done
  echo "OK steps 150"
`;

test.each([
  ['shortened', (path: string) => truncate(path, 100)],
  ['gone', (path: string) => rename(path, `${path}.elsewhere`)],
  ['written in place', (path: string) => overwrite(path, 10)],
  ['replaced', (path: string) => replace(path)],
] as const)(
  'a log that is %s by somebody else is refused, and accepted once it is put back',
  async (_, change) => {
    await using sp = await startStillpoint();
    const gang = await sp.run({ ranks: 2, command: files, pace });
    await gang.goOn(10);
    await gang.checkpoint({ outcome: 'stop' });
    const path = join(gang.cwd, 'append.1.log');
    const content = await readFile(path);
    await change(path);
    const refused = await sp.cli('restore', gang.name);
    expect([refused.code, refused.stderr]).toEqual([1, expect.stringContaining(path)]);
    expect(await gang.show()).toMatchObject({ state: 'stopped', incarnation: 1 });
    await writeFile(path, content);
    await gang.restore();
    await gang.finish();
  },
);

async function overwrite(path: string, at: number): Promise<void> {
  const content = await readFile(path);
  content[at] = content[at]! ^ 1;
  await writeFile(path, content);
}

/** Another file under the same name, with other content. */
async function replace(path: string): Promise<void> {
  const content = await readFile(path);
  content[0] = content[0]! ^ 1;
  await writeFile(`${path}.new`, content);
  await copyFile(path, `${path}.old`);
  await rename(`${path}.new`, path);
}
