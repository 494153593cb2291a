// The CRIU program: the real one, and stand-ins that are missing, old or broken.
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { criuCheck, criuVersion } from './program.ts';
import { criuPath, missingForCriu, temporaryFolder } from './testing.ts';

async function standIn(folder: string, script: string): Promise<string> {
  const path = join(folder, 'criu');
  await writeFile(path, `#!/bin/sh\n${script}\n`);
  await chmod(path, 0o755);
  return path;
}

describe('a version', () => {
  test.each([
    ['4.2', { major: 4, minor: 2, text: '4.2' }],
    ['4.10.1', { major: 4, minor: 10, text: '4.10.1' }],
    ['5.0', { major: 5, minor: 0, text: '5.0' }],
  ])('%s will do', async (text, version) => {
    await using folder = await temporaryFolder();
    expect(
      await criuVersion(await standIn(folder.path, `echo 'Version: ${text}'; echo 'GitID: v1'`)),
    ).toEqual(version);
  });

  test.each([
    ['3.17.1', 'SP_CRIU_TOO_OLD'],
    ['4.1.9', 'SP_CRIU_TOO_OLD'],
    ['unknown', 'SP_CRIU_BROKEN'],
  ])('%s will not', async (text, code) => {
    await using folder = await temporaryFolder();
    const path = await standIn(folder.path, `echo 'Version: ${text}'`);
    await expect(criuVersion(path)).rejects.toMatchObject({ code, message: expect.stringContaining(path) });
  });

  test('of nothing', async () => {
    await expect(criuVersion('/nonexistent/criu')).rejects.toMatchObject({ code: 'SP_CRIU_MISSING' });
  });

  test('of a program that fails', async () => {
    await using folder = await temporaryFolder();
    const path = await standIn(folder.path, 'echo lost library >&2; exit 127');
    await expect(criuVersion(path)).rejects.toMatchObject({
      code: 'SP_CRIU_BROKEN',
      message: expect.stringContaining('lost library'),
    });
  });
});

describe('a check', () => {
  test('that fails says what is wanting', async () => {
    await using folder = await temporaryFolder();
    const path = await standIn(folder.path, "echo 'Error (criu/cr-check.c:1): No kcmp' >&2; exit 1");
    await expect(criuCheck(path)).rejects.toMatchObject({
      code: 'SP_CRIU_UNFIT',
      message: expect.stringMatching(/No kcmp$/),
    });
  });
});

const missing = missingForCriu();
test.skipIf(missing !== undefined)(`the real one will do (${missing ?? criuPath})`, async () => {
  expect((await criuVersion(criuPath)).major).toBeGreaterThanOrEqual(4);
  await expect(criuCheck(criuPath)).resolves.toBeUndefined();
});
