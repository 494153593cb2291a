// Golden traces in testdata/: UPDATE_GOLDEN=1 rewrites them, and the difference is reviewed like code.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeGangPerformer } from './testing/gang-script.ts';
import { makeMemberRestorePerformer } from './testing/member-restore-script.ts';
import { makeMemberPerformer } from './testing/member-script.ts';
import { makeRestorePerformer } from './testing/restore-script.ts';
import { runScript, type Performer } from './testing/script.ts';

const testdata = join(import.meta.dirname, '..', 'testdata');

const performers: Record<string, () => Performer> = {
  gang: makeGangPerformer,
  member: makeMemberPerformer,
  restore: makeRestorePerformer,
  'member-restore': makeMemberRestorePerformer,
};

describe.each(Object.entries(performers))('golden traces of %s', (folder, makePerformer) => {
  test.each(readdirSync(join(testdata, folder)))('%s', (name) => {
    const path = join(testdata, folder, name);
    const text = readFileSync(path, 'utf8');
    const actual = runScript(text, makePerformer());
    if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(path, actual);
    else expect(actual).toBe(text);
  });
});
