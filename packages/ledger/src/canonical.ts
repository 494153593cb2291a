// JSON as one text for each value: what a store compares that knows nothing but bytes. Pure.
import type { JsonValue } from './ledger.ts';

/** The text of a value: without spaces, the keys of every object in one order. Equal values have equal texts. */
export function canonicalText(value: JsonValue): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`;
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${canonicalText(inner)}`).join(',')}}`;
}
