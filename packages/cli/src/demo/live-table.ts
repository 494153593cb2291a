// The table of ranks below the story while they train. Pure.
import type { RankProgress } from './training.ts';

export interface RankRow {
  readonly rank: number;
  readonly node: string;
  readonly address: string;
  readonly progress: RankProgress | undefined;
}

const header = ['rank', 'node', 'address', 'step', 'loss'];

/** @param state what the gang is at, as the last column's word */
export function renderRanks(rows: readonly RankRow[], steps: number, state: string): string[] {
  const cells = rows.map(({ rank, node, address, progress }) => [
    String(rank),
    node,
    address,
    progress === undefined ? '-' : `${progress.step} of ${steps}`,
    progress?.loss === undefined ? '-' : progress.loss.toFixed(4),
  ]);
  const widths = header.map((title, column) =>
    Math.max(title.length, ...cells.map((row) => row[column]?.length ?? 0)),
  );
  const lines = [header, ...cells].map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('   ')
      .trimEnd(),
  );
  return ['', ...lines, '', state];
}
