// The file of `run --hooks`: every mistake is named by the hook that it is in.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readHooks } from './hooks-file.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'hooks-'));
});
afterEach(() => rm(folder, { recursive: true }));

const read = async (text: string): ReturnType<typeof readHooks> => {
  await writeFile(join(folder, 'hooks.yaml'), text);
  return readHooks('hooks.yaml', folder);
};

it('is read in YAML', async () => {
  const hooks = await read(`
hooks:
  - { name: flush, when: pre, phase: freeze, exec: { command: [flush, now], ranks: [0] }, deadlineMs: 100 }
`);
  expect(hooks).toMatchObject([
    { name: 'flush', exec: { command: ['flush', 'now'], ranks: [0] }, deadlineMs: 100 },
  ]);
});

it('names the hook and the field that is wrong', async () => {
  const wrong = read(`
hooks:
  - { name: good, when: pre, phase: freeze, http: { url: 'http://x' } }
  - { name: late, when: never, phase: freeze, http: { url: 'http://x' } }
  - { name: held, when: pre, phase: hold, exec: { command: [x] } }
`);
  await expect(wrong).rejects.toMatchObject({
    code: 'SP_USAGE',
    message: expect.stringMatching(/hooks\.late\.when: .*; hooks\.held: it needs a member that runs/s),
  });
  await expect(read('hooks: [')).rejects.toMatchObject({ code: 'SP_USAGE' });
  await expect(read('hook: []')).rejects.toMatchObject({ code: 'SP_USAGE' });
  await expect(readHooks('nowhere.yaml', folder)).rejects.toMatchObject({
    code: 'SP_USAGE',
    message: expect.stringContaining('ENOENT'),
  });
});
