// What a benchmark hands back, as a table for people and as JSON for programs.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Circumstances } from './machine.ts';

export interface Table {
  readonly title: string;
  readonly columns: readonly string[];
  /** The first cell is a name; the others are figures, right-aligned. */
  readonly rows: readonly (readonly string[])[];
}

/** A figure against what was asked of it. */
export interface Verdict {
  /** A bar must be met; a target is what it was built for; a goal would be better still. */
  readonly level: 'bar' | 'target' | 'goal';
  readonly what: string;
  readonly found: string;
  /** As in "at most 1.5". */
  readonly asked: string;
  readonly isMet: boolean;
}

export interface Result {
  readonly tables: readonly Table[];
  readonly verdicts: readonly Verdict[];
  /** Every round's figures, for programs. */
  readonly data: unknown;
}

export interface BenchOptions {
  /** Rounds, where the benchmark has such; its own number unless given. */
  readonly rounds?: number;
  /** Fewer and smaller: whether it works, not how fast. */
  readonly quick: boolean;
  readonly signal: AbortSignal;
  /** A word on how far it is. */
  readonly note: (text: string) => void;
}

export interface Benchmark {
  readonly name: string;
  readonly summary: string;
  run(options: BenchOptions): Promise<Result>;
}

const resultsFolder = join(import.meta.dirname, '..', 'results');

export function renderTable({ title, columns, rows }: Table): string {
  const widths = columns.map((column, index) =>
    Math.max(column.length, ...rows.map((row) => row[index]?.length ?? 0)),
  );
  const render = (cells: readonly string[]): string =>
    cells
      .map((cell, index) => (index === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[index] ?? 0)))
      .join('  ')
      .trimEnd();
  return [title, '', render(columns), ...rows.map(render)].map((line) => `  ${line}`.trimEnd()).join('\n');
}

export function renderVerdict({ level, what, found, asked, isMet }: Verdict): string {
  return `  ${level.padEnd(6)} ${isMet ? 'met   ' : 'MISSED'}  ${what}: ${found} (${asked})`;
}

/** @returns the file's path */
export async function writeResult(
  name: string,
  circumstances: Circumstances,
  result: Result,
): Promise<string> {
  await mkdir(resultsFolder, { recursive: true });
  const path = join(resultsFolder, `${name}.json`);
  const { tables, verdicts, data } = result;
  await writeFile(
    path,
    `${JSON.stringify({ name, ...circumstances, verdicts, tables, data }, undefined, 2)}\n`,
  );
  return path;
}

/** `12.3 ms`, `1.23 s`. */
export const ms = (value: number): string =>
  Math.abs(value) < 1000
    ? `${value.toFixed(Math.abs(value) < 10 ? 2 : 0)} ms`
    : `${(value / 1000).toFixed(2)} s`;

export const times = (value: number): string => `${value.toFixed(2)}×`;
