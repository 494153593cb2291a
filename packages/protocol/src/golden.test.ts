// Golden traces in testdata/: UPDATE_GOLDEN=1 rewrites them, and the difference is reviewed like code.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { diagramNames, drawDiagram } from './diagram.ts';
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

/** What a file of testdata says; told to update, it says what is true now. */
function golden(path: string, actual: string): string {
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(path, actual);
  return readFileSync(path, 'utf8');
}

describe.each(Object.entries(performers))('golden traces of %s', (folder, makePerformer) => {
  test.each(readdirSync(join(testdata, folder)))('%s', (name) => {
    const path = join(testdata, folder, name);
    const actual = runScript(readFileSync(path, 'utf8'), makePerformer());
    expect(actual).toBe(golden(path, actual));
  });
});

test.each(diagramNames)('the diagram of %s is the chart', (name) => {
  const actual = drawDiagram(name);
  expect(actual).toBe(golden(join(testdata, 'diagrams', `${name}.mmd`), actual));
});
