// Files whose content up to the cut is no longer the cut's: refused by name, saved by policy, or kept.
import { copyFile, readFile, rename, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startStillpoint } from '../support/stillpoint.ts';

const files = ['files.py', '--steps', '250', '--step-ms', '10'] as const;

test.each([
  ['--in-place', 'in-place.0'],
  ['--replace', 'replaced.0'],
])('%s: refused by name before anything is touched, and kept on request', async (option, name) => {
  await using sp = await startStillpoint();
  const gang = await sp.run({ ranks: 2, command: [...files, option] });
  await gang.goOn(10);
  await gang.checkpoint();
  await gang.goOn(20);
  const refused = await sp.cli('restore', gang.name);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain(join(gang.cwd, name));
  expect(refused.stderr).toContain('SP_FILE_CHANGED');
  expect(refused.stderr).toContain('→');
  // all or nothing: the gang that ran still runs
  expect(await gang.show()).toMatchObject({ state: 'running', incarnation: 1 });
  await gang.goOn(5);
  // the file is left as it is, which this program notices
  expect(await gang.restore({ files: 'keep' })).toMatchObject({ incarnation: 2 });
  expect(await sp.client.wait(gang.name)).toMatchObject({ state: 'failed', exitCode: 1 });
  expect(await gang.output(0)).toMatch(new RegExp(`^CORRUPT: .*${name}`, 'm'));
});

test('files that are written in place or replaced come back when the policy saves them', async () => {
  await using sp = await startStillpoint();
  const command = [...files, '--in-place', '--replace', '--shared', 'shared.log'] as const;
  const gang = await sp.run({ ranks: 2, command, files: 'save' });
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

test.each([
  ['shortened', (path: string) => truncate(path, 100)],
  ['gone', (path: string) => rename(path, `${path}.elsewhere`)],
  ['written in place', (path: string) => overwrite(path, 10)],
  ['replaced', (path: string) => replace(path)],
] as const)(
  'a log that is %s by somebody else is refused, and accepted once it is put back',
  async (_, change) => {
    await using sp = await startStillpoint();
    const gang = await sp.run({ ranks: 2, command: files });
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
