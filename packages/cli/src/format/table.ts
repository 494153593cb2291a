// Tables without borders: a header, aligned columns, and one column that gives way where the terminal is narrow.
import { stripVTControlCharacters } from 'node:util';
import CliTable from 'cli-table3';
import { limits } from '../limits.ts';
import type { Look } from '../terminal.ts';

export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
  /** Its cells are cut off where the table would be wider than the terminal. At most one column of a table. */
  readonly givesWay?: boolean;
}

const gap = '  ';
const noBorder = Object.fromEntries(
  ['top', 'bottom', 'left', 'right', 'mid'].flatMap((side) => [
    [side, ''],
    [`${side}-mid`, ''],
    [`${side}-left`, ''],
    [`${side}-right`, ''],
  ]),
);

/** @param rows cells may be coloured; one for each column */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  look: Look,
): string {
  const table = new CliTable({
    chars: { ...noBorder, middle: gap },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0, compact: true },
    head: columns.map(({ title }) => look.colors.dim(title)),
    colAligns: columns.map(({ align }) => align ?? 'left'),
    colWidths: widths(columns, rows, look),
    truncate: look.unicode ? '…' : '~',
  });
  table.push(...rows.map((row) => [...row]));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}

/** Only the column that gives way has a width of its own, and only where it must give way. */
function widths(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  look: Look,
): (number | null)[] {
  const natural = columns.map(({ title }, index) =>
    Math.max(
      ...[title, ...rows.map((row) => row[index] ?? '')].map((cell) => stripVTControlCharacters(cell).length),
    ),
  );
  const total = natural.reduce((sum, width) => sum + width, gap.length * (columns.length - 1));
  const over = look.columns === undefined ? 0 : total - look.columns;
  return columns.map(({ givesWay }, index) =>
    givesWay === true && over > 0 ? Math.max(limits.shortenedColumnsMin, (natural[index] ?? 0) - over) : null,
  );
}
