// The tidy test: every source file keeps the rules of the house, and docs/errors.md lists the real codes.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { errorsDocument, errorsDocumentPath, listErrors } from './errors.ts';
import { listSources, untidiness } from './tidy.ts';

const sources = listSources();

describe('the tidy rules', () => {
  test('hold for every source file', () => {
    expect(sources.length).toBeGreaterThan(0);
    expect(untidiness(sources)).toEqual([]);
  });

  test.each([
    ['no header', 'packages/bus/src/a.ts', 'export {};\n', /begin with a comment/],
    ['too long', 'packages/bus/src/a.ts', `// a\n${'\n'.repeat(250)}`, /251 lines/],
    [
      'a direction',
      'packages/bus/src/a.ts',
      "// a\nimport { x } from '@stillpoint/agent';\n",
      /may not import agent/,
    ],
    [
      'the core',
      'packages/protocol/src/a.ts',
      "// a\nexport * from '@stillpoint/bus';\n",
      /may not import bus/,
    ],
    [
      'past an index',
      'packages/cli/src/a.ts',
      "// a\nimport '@stillpoint/agent/src/b.ts';\n",
      /past the index/,
    ],
    [
      'over the fence',
      'packages/cli/src/a.ts',
      "// a\nimport { x } from '../../bus/src/b.ts';\n",
      /another package/,
    ],
    [
      'no extension',
      'packages/cli/src/a.ts',
      "// a\nimport {\n  x,\n} from './b';\n",
      /without its extension/,
    ],
    ['a pure file', 'packages/vault/src/a.ts', '// A format. Pure.\nconst now = Date.now();\n', /uses Date/],
    ['a script', 'scripts/a.sh', '#!/bin/bash\nset -e\n', /begin with a comment/],
  ])('notice: %s', (_, file, text, problem) => {
    expect(untidiness([{ path: file, text }]).join('\n')).toMatch(problem);
  });

  test('let through what keeps them', () => {
    const text = "// Role.\nimport { x } from '@stillpoint/protocol';\nimport { y } from './b.ts';\n";
    expect(untidiness([{ path: 'packages/bus/src/a.ts', text }])).toEqual([]);
  });
});

describe('docs/errors.md', () => {
  test('lists exactly the codes in the code (regenerate it: pnpm errors-doc)', () => {
    const written = readFileSync(path.join(path.dirname(import.meta.dirname), errorsDocumentPath), 'utf8');
    expect(written).toBe(errorsDocument(listErrors(sources)));
  });

  test('every code belongs to one package and says when it is met', () => {
    const errors = listErrors(sources);
    expect(errors.filter((error) => error.meaning === '').map((error) => error.code)).toEqual([]);
    expect(errors.map((error) => error.code)).toEqual([...new Set(errors.map((error) => error.code))]);
  });
});
