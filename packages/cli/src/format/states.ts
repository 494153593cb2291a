// Colours of states: one meaning each, everywhere.
import type { Colors } from '../terminal.ts';

const good = new Set(['running', 'published', 'completed', 'ready', 'commit']);
const bad = new Set(['failed', 'aborted', 'lost', 'killed', 'down', 'abort', 'unknown']);
const passing = new Set([
  'starting',
  'restoring',
  'stopping',
  'open',
  'committed',
  'frozen',
  'held',
  'awaiting-restore',
]);

export function colorState(state: string, colors: Colors): string {
  if (good.has(state)) return colors.green(state);
  if (bad.has(state)) return colors.red(state);
  if (passing.has(state)) return colors.yellow(state);
  return state;
}
