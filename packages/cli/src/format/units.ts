// Amounts as people read them: bytes, times, ratios. Pure.

const byteUnits = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'] as const;

/** Decimal units, three digits: `390 MB`, `1.52 GB`. */
export function formatBytes(bytes: number): string {
  let amount = bytes;
  let unit = 0;
  // 999.5 and more would be written as 1000
  while (amount >= 999.5 && unit < byteUnits.length - 1) {
    amount /= 1000;
    unit += 1;
  }
  return `${unit === 0 ? String(Math.round(amount)) : threeDigits(amount)} ${byteUnits[unit]}`;
}

function threeDigits(amount: number): string {
  if (amount >= 99.95) return amount.toFixed(0);
  return amount.toFixed(amount >= 9.995 ? 1 : 2);
}

/** `0.4 ms`, `182 ms`, `3.4 s`, `30 s`, `3 m 20 s`, `2 h 5 m`, `3 d 4 h`. */
export function formatMs(ms: number): string {
  if (ms < 9.95) return `${trimZero(ms.toFixed(1))} ms`;
  if (ms < 999.5) return `${ms.toFixed(0)} ms`;
  if (ms < 59_950) return `${trimZero((ms / 1000).toFixed(1))} s`;
  return formatSeconds(Math.round(ms / 1000));
}

/** Whole seconds, with one unit more: ages and intervals. */
export function formatSeconds(seconds: number): string {
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return pair(seconds, 60, 'm', 's');
  const minutes = Math.round(seconds / 60);
  if (minutes < 24 * 60) return pair(minutes, 60, 'h', 'm');
  return pair(Math.round(minutes / 60), 24, 'd', 'h');
}

function pair(amount: number, large: number, largeUnit: string, smallUnit: string): string {
  const rest = amount % large;
  return `${Math.floor(amount / large)} ${largeUnit}${rest === 0 ? '' : ` ${rest} ${smallUnit}`}`;
}

const trimZero = (digits: string): string => digits.replace(/\.0$/, '');

/** How many bytes became one: `4.2:1`. */
export function formatRatio(before: number, after: number): string {
  return after === 0 ? '-' : `${(before / after).toFixed(1)}:1`;
}

/** `1 member`, `3 members`. */
export function count(amount: number, noun: string): string {
  return `${amount} ${noun}${amount === 1 ? '' : 's'}`;
}

/** `n1, n2 and n3`. */
export function listed(words: readonly string[]): string {
  const last = words.at(-1);
  return words.length < 2 || last === undefined
    ? words.join('')
    : `${words.slice(0, -1).join(', ')} and ${last}`;
}
