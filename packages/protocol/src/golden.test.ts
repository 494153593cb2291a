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
const document = join(import.meta.dirname, '../../../docs/protocol.md');

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

test.each(diagramNames)('docs/protocol.md shows the diagram of %s', (name) => {
  const before = readFileSync(document, 'utf8');
  const drawn = `<!-- diagram: ${name} -->\n\n\`\`\`mermaid\n${drawDiagram(name)}\`\`\`\n`;
  const shown = new RegExp(`<!-- diagram: ${name} -->\n+(\`\`\`mermaid\n[^\`]*\`\`\`\n)?`);
  const after = before.replace(shown, () => drawn);
  expect(golden(document, after)).toBe(after);
  expect(after).toContain(drawn);
});
