// Bars of a chart, in half columns. Pure.

export interface Stretch {
  readonly startMs: number;
  readonly endMs: number;
}

const halves = { '00': ' ', '10': '▌', '01': '▐', '11': '█' } as const;

/** Draws stretches of time within a window. Each is seen, however short; ASCII has whole columns only. */
export function drawBar(
  stretches: readonly Stretch[],
  window: Stretch,
  columns: number,
  unicode: boolean,
): string {
  const steps = unicode ? columns * 2 : columns;
  const lengthMs = Math.max(window.endMs - window.startMs, Number.EPSILON);
  const place = (ms: number): number => Math.round(((ms - window.startMs) / lengthMs) * steps);
  const filled = Array.from({ length: steps }, () => false);
  for (const { startMs, endMs } of stretches) {
    const first = Math.min(Math.max(place(startMs), 0), steps - 1);
    const last = Math.min(Math.max(place(endMs) - 1, first), steps - 1);
    filled.fill(true, first, last + 1);
  }
  if (!unicode) return filled.map((isFilled) => (isFilled ? '#' : ' ')).join('');
  return Array.from({ length: columns }, (_, column) => {
    const key = `${filled[column * 2] === true ? 1 : 0}${filled[column * 2 + 1] === true ? 1 : 0}` as const;
    return halves[key];
  }).join('');
}

/** A line as long as the bars, with the two ends of the window: `0 ms ─────── 182 ms`. */
export function drawAxis(start: string, end: string, columns: number, unicode: boolean): string {
  const line = (unicode ? '─' : '-').repeat(Math.max(1, columns - start.length - end.length - 2));
  return `${start} ${line} ${end}`;
}
