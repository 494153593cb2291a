// Tables without borders: a header, aligned columns, and one column that gives way where the terminal is narrow.
// Written here because tables of thousands of epochs take table libraries seconds.
import { stripVTControlCharacters } from 'node:util';
import { limits } from '../limits.ts';
import type { Look } from '../terminal.ts';

export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** Its cells are cut off where the table would be wider than the terminal. At most one column of a table. */
  readonly givesWay?: boolean;
}

const gap = '  ';

/** @param rows cells may be coloured, but for those of the column that gives way; one for each column */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  look: Look,
): string {
  const widths = widthsOf(columns, rows, look);
  const header = columns.map(({ title }) => look.colors.dim(title));
  return [header, ...rows].map((cells) => renderRow(columns, cells, widths, look)).join('\n');
}

function renderRow(
  columns: readonly Column[],
  cells: readonly string[],
  widths: readonly number[],
  look: Look,
): string {
  const shown = columns.map(({ align, givesWay }, index) => {
    const width = widths[index] ?? 0;
    const cell = cells[index] ?? '';
    if (givesWay === true && cell.length > width && visibleLength(cell) > width)
      return `${cell.slice(0, width - 1)}${look.unicode ? '…' : '~'}`;
    const room = ' '.repeat(Math.max(0, width - visibleLength(cell)));
    return align === 'right' ? `${room}${cell}` : `${cell}${room}`;
  });
  return shown.join(gap).trimEnd();
}

function widthsOf(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  look: Look,
): readonly number[] {
  const natural = columns.map(({ title }, index) =>
    rows.reduce((widest, row) => Math.max(widest, visibleLength(row[index] ?? '')), title.length),
  );
  const total = natural.reduce((sum, width) => sum + width, gap.length * (columns.length - 1));
  const over = look.columns === undefined ? 0 : Math.max(0, total - look.columns);
  return columns.map(({ givesWay }, index) => {
    const width = natural[index] ?? 0;
    return givesWay === true && over > 0
      ? Math.min(width, Math.max(limits.shortenedColumnsMin, width - over))
      : width;
  });
}

/** Colours take no room. */
function visibleLength(text: string): number {
  return text.includes('\u001b') ? stripVTControlCharacters(text).length : text.length;
}
