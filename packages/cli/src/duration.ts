// Durations as they are typed: `30s`, `5m`, `1h30m`, `1.5h`, `250ms`. Pure.

const unitsMs = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1_000, ms: 1 } as const;
type Unit = keyof typeof unitsMs;
const order = Object.keys(unitsMs) as Unit[];

/**
 * Strict: every number has a unit, each unit comes once and the larger ones first; a fraction only in the last one.
 *
 * @returns whole milliseconds, or undefined when the text is no duration or not a whole number of them
 */
export function parseDuration(text: string): number | undefined {
  if (!/^(\d+(ms|[dhms]))*\d+(\.\d+)?(ms|[dhms])$/.test(text)) return undefined;
  let totalMs = 0;
  let last = -1;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|[dhms])/g)) {
    const place = order.indexOf(unit as Unit);
    if (place <= last) return undefined;
    last = place;
    totalMs += Number(amount) * unitsMs[unit as Unit];
  }
  // 1.1 h is not exactly 3,960,000 ms in binary
  const wholeMs = Math.round(totalMs);
  return Number.isSafeInteger(wholeMs) && Math.abs(totalMs - wholeMs) < 1e-6 ? wholeMs : undefined;
}
