// When colours, Unicode and widths are used.
import { describe, expect, test } from 'vitest';
import type { Output } from './io.ts';
import { lookOf } from './terminal.ts';

const terminal: Output = { write: () => true, isTTY: true, columns: 90 };
const pipe: Output = { write: () => true };
const red = '\u001b[31mx\u001b[39m';

describe('colours', () => {
  test.each([
    ['on a terminal', terminal, {}, red],
    ['not through a pipe', pipe, {}, 'x'],
    ['not with NO_COLOR', terminal, { NO_COLOR: '1' }, 'x'],
    ['with an empty NO_COLOR, as its site says', terminal, { NO_COLOR: '' }, red],
    ['not on a dumb terminal', terminal, { TERM: 'dumb' }, 'x'],
    ['through a pipe with FORCE_COLOR', pipe, { FORCE_COLOR: '1' }, red],
    ['not with FORCE_COLOR=0', pipe, { FORCE_COLOR: '0' }, 'x'],
  ])('%s', (_, output, env, text) => {
    expect(lookOf(output, env).colors.red('x')).toBe(text);
  });
});

describe('Unicode', () => {
  test.each([
    [{ LANG: 'en_US.UTF-8' }, true],
    [{ LANG: 'C.utf8' }, true],
    [{ LANG: 'C' }, false],
    [{ LANG: 'C.UTF-8', LC_ALL: 'C' }, false],
    [{ LANG: 'C', LC_CTYPE: 'de_DE.UTF-8' }, true],
    [{ LANG: 'C.UTF-8', LC_ALL: '' }, true],
    [{}, false],
  ])('%j: %s', (env, unicode) => {
    expect(lookOf(terminal, env).unicode).toBe(unicode);
  });
});

describe('the width', () => {
  test.each([
    ['of the terminal', terminal, {}, 90],
    ['that COLUMNS says', terminal, { COLUMNS: '70' }, 70],
    ['of the terminal where COLUMNS is nonsense', terminal, { COLUMNS: 'wide' }, 90],
    ['that is usual where the terminal has none', { ...terminal, columns: 0 }, {}, 110],
    ['is none through a pipe', pipe, { COLUMNS: '70' }, undefined],
  ])('%s', (_, output, env, columns) => {
    expect(lookOf(output, env).columns).toBe(columns);
  });
});
